package httpd

import (
	"xanadu/ipc/loop"
	"xanadu/web"
)

const (
	// maxHeld is how much content of one request is held in memory: what a pipe
	// takes, so that the program finds all of it at its start.
	maxHeld = 64 << 10

	// maxAhead is how much of what follows is held meanwhile.
	maxAhead = 64 << 10
)

// streams reports whether the program gets the rest of its content as it comes:
// of content that is too long to be gathered, only the beginning is there at its
// start.
func (p *program) streams() bool {
	return !p.request.Chunked && p.request.Length > p.engine.server.opt.Programs.MaxSpool
}

// gather takes content from what has come and goes on when it is whole, or as
// much as is gathered: a slow client must not keep a place that others wait for.
func (p *program) gather() {
	c := p.conn
	p.spool.owner = p.engine.server
	p.spool.stored.client = p.seat.client
	if p.request.Continue && len(c.rest) == 0 {
		if !p.sendContinue() {
			return
		}
	}
	p.gatherFrom(c.rest)
}

func (p *program) gatherFrom(b []byte) {
	c := p.conn
	rest, err := p.spool.take(c, b)
	c.keep(rest)
	s := &p.spool
	switch {
	case err != nil:
		// Where the next request begins is unknown.
		c.chunked, c.closing = false, closesGently
		status, why := refusal(err)
		p.refuse(status, why)
	case p.request.Chunked && s.size > p.engine.server.opt.Programs.MaxSpool:
		c.closing = closesGently
		p.refuse(413, "the content in chunks is too long to be gathered for a program")
	case len(s.bytes) == maxHeld && p.streams():
		p.enqueue()
	case len(s.bytes) == maxHeld && !s.whole, s.file != nil && len(s.bytes) > 0 && s.whole:
		p.spill()
	case s.whole:
		p.enqueue()
	default:
		p.regulate()
	}
}

// spill has the crew write to the file what is held in memory.
func (p *program) spill() {
	e, s := p.engine, &p.spool
	if s.file == nil && !p.hold() {
		p.conn.closing = closesGently
		p.fail(503, "too many requests with content wait for programs")
		return
	}
	dir := e.server.opt.Programs.SpoolDir
	p.job = &job{volume: volume{kind: spoolVolume}, run: func() {
		err := s.write(dir)
		if !e.loop.Post(func() { p.spilled(err) }) {
			p.freeInput()
		}
	}}
	e.server.crew.do(p.job)
	p.regulate()
}

// spilled goes on when that is done.
func (p *program) spilled(err error) {
	p.job = nil
	switch {
	case p.conn == nil:
		p.freeInput()
	case err != nil:
		p.conn.closing = closesGently
		p.fail(503, err.Error())
	default:
		p.gatherFrom(p.conn.rest)
	}
}

// contentLength returns what the program finds as CONTENT_LENGTH; negative when
// the request has no content.
func (p *program) contentLength() int64 {
	switch r := p.request; {
	case r.Chunked:
		return p.spool.size
	case r.Seen&web.ContentLength != 0:
		return r.Length
	}
	return -1
}

// takeContent has the program get what has come by now, and what comes.
func (p *program) takeContent() {
	c := p.conn
	if p.request.Continue && c.skip > 0 && len(c.rest) == 0 && !p.client.continued {
		if !p.sendContinue() {
			return
		}
	}
	if !p.passing {
		c.keep(p.feed(c.rest))
	}
	p.regulate()
}

// feed passes on content at the front of b and returns what follows. What the
// program does not want any more is passed over.
func (p *program) feed(b []byte) []byte {
	c := p.conn
	n := min(c.skip, int64(len(b)))
	if n > 0 {
		c.skip -= n
		p.expect()
		p.pass(b[:n])
	}
	return b[n:]
}

// pass writes b to the program.
func (p *program) pass(b []byte) {
	if !p.in.Attached() {
		return
	}
	done, err := p.in.Send(b, nil, false)
	p.passed(done, err)
}

func (p *program) passed(done bool, err error) {
	p.passing = err == nil && !done
	if err != nil || done && (p.conn == nil || p.conn.skip == 0) {
		p.in.Close() // it has all, or wants no more
	}
}

// programInput is a program's standard input.
type programInput struct {
	loop.Stream
	silent
	p *program
}

func (s *programInput) Sent(err error) {
	p := s.p
	p.passed(true, err)
	p.expect()
	if p.conn != nil {
		p.takeContent()
	}
}
