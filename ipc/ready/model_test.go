package ready_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/ready"
)

// FuzzModel does random operations on pipes and pollers, the same on every
// poller, and compares what each says after every step with a model of a pipe
// that asks no kernel.
func FuzzModel(fz *testing.F) {
	random := rand.NewChaCha8([32]byte{6, 3, 1})
	for range 12 {
		script := make([]byte, 300)
		random.Read(script)
		fz.Add(script)
	}
	fz.Fuzz(func(t *testing.T, script []byte) {
		m := model{t: t}
		for _, name := range ready.Names() {
			m.pollers = append(m.pollers, open(t, name))
		}
		// Bounded so that single bytes never fill a pipe.
		for script = script[:min(len(script), 400)]; len(script) >= 2; script = script[2:] {
			m.step(script[0], script[1])
			m.compare()
		}
		m.closeAll()
	})
}

type model struct {
	t       *testing.T
	pollers []poller
	pipes   [6]modelPipe
	tokens  uint64
}

type modelPipe struct {
	bytes int  // written and not yet read
	full  bool // filled, and nothing read since
	ends  [2]modelEnd
}

// The ends of a pipe.
const (
	reading = iota
	writing
)

type modelEnd struct {
	fd      *ipc.FD // nil when closed
	watched bool
	want    ready.Event
	token   uint64
}

// full is what the end is ready for, asked or not, as poll on Linux says it.
func (p *modelPipe) state(end int) ready.Event {
	var e ready.Event
	switch end {
	case reading:
		if p.bytes > 0 {
			e = r & p.ends[reading].want
		}
		if p.ends[writing].fd == nil {
			e |= r | f
		}
	case writing:
		if !p.full {
			e = w & p.ends[writing].want
		}
		if p.ends[reading].fd == nil {
			e |= r | w | f
		}
	}
	return e
}

// step does what two bytes say.
func (m *model) step(op, arg byte) {
	p := &m.pipes[int(arg>>4)%len(m.pipes)]
	which := int(arg >> 3 & 1)
	e := &p.ends[which]
	if e.fd == nil && p.ends[1-which].fd == nil {
		*p = modelPipe{}
		p.ends[reading].fd, p.ends[writing].fd = pipe(m.t)
	}
	if e.fd == nil {
		return
	}
	want := ready.Event(arg) & (r | w | u)
	switch op % 12 {
	case 0, 1, 2:
		m.tokens++
		var fails error
		if e.watched {
			fails = unix.EEXIST
		} else {
			e.watched, e.want, e.token = true, want, m.tokens
		}
		m.all("add", fails, func(p poller) error { return p.Add(e.fd.Number(), want, m.tokens) })
	case 3, 4:
		m.tokens++
		var fails error
		if !e.watched {
			fails = unix.ENOENT
		} else {
			e.want, e.token = want, m.tokens
		}
		m.all("modify", fails, func(p poller) error { return p.Modify(e.fd.Number(), want, m.tokens) })
	case 5:
		m.remove(e)
	case 6:
		if e.watched {
			m.remove(e)
		}
		m.close(e)
	case 7:
		if e.watched {
			m.all("forget", nil, func(p poller) error { return p.Forget(e.fd.Number()) })
		}
		m.close(e)
	case 8, 9:
		if p.ends[writing].fd != nil && p.ends[reading].fd != nil && !p.full {
			put(m.t, p.ends[writing].fd)
			p.bytes++
		}
	case 10:
		if p.ends[reading].fd != nil {
			empty(m.t, p.ends[reading].fd)
			p.bytes, p.full = 0, false
		}
	case 11:
		if p.ends[writing].fd != nil && p.ends[reading].fd != nil {
			fill(m.t, p.ends[writing].fd)
			p.bytes, p.full = p.bytes+1, true
		}
	}
}

func (m *model) remove(e *modelEnd) {
	var fails error
	if !e.watched {
		fails = unix.ENOENT
	}
	e.watched = false
	m.all("remove", fails, func(p poller) error { return p.Remove(e.fd.Number()) })
}

func (m *model) close(e *modelEnd) {
	must(m.t, e.fd.Close())
	*e = modelEnd{}
}

func (m *model) all(operation string, want error, do func(p poller) error) {
	m.t.Helper()
	for _, p := range m.pollers {
		if err := do(p); !errors.Is(err, want) {
			m.t.Fatalf("%s: %s: got %v, want %v", p.name, operation, err, want)
		}
	}
}

// compare asks every poller twice: with room for all, and for few at a time.
func (m *model) compare() {
	m.t.Helper()
	for _, p := range m.pollers {
		want, asked := make(map[uint64]ready.Event), make(map[uint64]ready.Event)
		for i := range m.pipes {
			for end := range m.pipes[i].ends {
				e := &m.pipes[i].ends[end]
				if !e.watched {
					continue
				}
				asked[e.token] = e.want
				if s := p.sees(e.want, m.pipes[i].state(end)); s != 0 {
					want[e.token] = s
				}
			}
		}
		if got := p.wait(m.t, 2*len(m.pipes), 0); !maps.Equal(got, want) {
			m.t.Fatalf("%s: got %v, want %v, asked %v", p.name, got, want, asked)
		}
		turns := make(map[uint64]ready.Event)
		for range len(want) {
			maps.Copy(turns, p.wait(m.t, 1, 0))
		}
		if !maps.Equal(turns, want) {
			m.t.Fatalf("%s: one at a time: got %v, want %v", p.name, turns, want)
		}
	}
}

func (m *model) closeAll() {
	for i := range m.pipes {
		for end := range m.pipes[i].ends {
			if e := &m.pipes[i].ends[end]; e.fd != nil {
				m.close(e)
			}
		}
	}
}
