package site

import (
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"xanadu/internal/sys"
)

const (
	// maxListed bounds the names of one directory that are read for a list,
	// dot names among them.
	maxListed = 1_000_000

	// maxRoster bounds the memory for the names of one directory: a million of
	// a usual length.
	maxRoster = 64 << 20

	// maxRosters and maxRosterRoom bound the directories whose names are held
	// at once, and the memory for all of them. Clients who take their time with
	// lists of one directory share its names.
	maxRosters    = 256
	maxRosterRoom = 256 << 20

	// nameCost is what a name takes beside its bytes: an item, and what an
	// allocation is rounded up by.
	nameCost = 40

	// runLength is how many names are read at once: a few milliseconds' work.
	runLength = 4096
)

// rosters are the rosters that a site's long lists are made from just now.
type rosters struct {
	mu    sync.Mutex
	byDir map[rosterKey]*roster // the ones that more lists can share
	count int
	taken int64 // octets of memory
}

// A rosterKey says which lists can share a roster: those of a directory that has
// not changed, in one order.
type rosterKey struct {
	st    sys.Stat // of the directory, before it was read
	order order
}

// A roster is the names in one directory, as far as they have been read: in
// runs, each of them in order. So many names are never sorted in one go.
type roster struct {
	all   *rosters
	dir   *os.File // its number may be used until the last user has left
	key   rosterKey
	users int   // guarded by all.mu
	taken int64 // guarded by all.mu

	mu       sync.Mutex
	unread   []string // names that were read before
	runs     []run
	names    int // so many have been read
	end      bool
	complete bool
	err      error
}

// A run is names in order. Where directories stand first, some runs hold them
// and the others all else.
type run struct {
	items []item
	rank  int
	key   string // of the first item; see fold
}

// join returns a roster of the open directory dir, of which it takes ownership,
// for one list more, in the order o. first are names that were read from it already, and st is
// what it was before, at the time looked. join returns nil when there is no room.
func (all *rosters) join(dir *os.File, st sys.Stat, o order, first []string, looked time.Time) *roster {
	all.mu.Lock()
	defer all.mu.Unlock()
	key := rosterKey{st, o}
	r := all.byDir[key]
	if r == nil {
		if all.count == maxRosters || all.taken >= maxRosterRoom {
			dir.Close()
			return nil
		}
		all.count++
		r = &roster{all: all, dir: dir, key: key, unread: first}
		if looked.Sub(st.Ctime.Time()) >= coarsest { // or it may change without a trace
			if all.byDir == nil {
				all.byDir = make(map[rosterKey]*roster)
			}
			all.byDir[key] = r
		}
	} else {
		dir.Close()
	}
	r.users++
	return r
}

// leave is the end of one list's use of r.
func (r *roster) leave() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if r.users--; r.users > 0 {
		return
	}
	r.all.count--
	r.all.taken -= r.taken
	if r.all.byDir[r.key] == r {
		delete(r.all.byDir, r.key)
	}
	r.dir.Close()
}

// take reserves memory for names and reports whether there is enough.
func (r *roster) take(octets int64) bool {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if r.taken+octets > maxRoster || r.all.taken+octets > maxRosterRoom {
		return false
	}
	r.taken += octets
	r.all.taken += octets
	return true
}

// read reads one run of names more and reports whether that was the last. weigh
// says for a name where it stands.
func (r *roster) read(limit int, weigh func(name string) (rank int, value int64)) (last bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end {
		return true, r.err
	}
	names := r.unread
	r.unread = nil
	if names == nil {
		names, err = r.dir.Readdirnames(runLength)
	}
	if err != nil {
		r.end = true
		if r.complete = err == io.EOF; !r.complete {
			r.err = errnoIn(err)
		}
		return true, r.err
	}
	left := limit - r.names
	r.names += len(names)
	names = names[:min(len(names), left)]
	if !r.add(names, weigh) || r.names > limit {
		r.end = true
	}
	return r.end, nil
}

// add makes runs of names and reports false when there is no memory for them.
func (r *roster) add(names []string, weigh func(name string) (rank int, value int64)) bool {
	type keyed struct {
		item
		key string
	}
	var ranked [ranks][]keyed
	octets := int64(0)
	for _, name := range names {
		if name[0] != '.' {
			at, value := weigh(name)
			ranked[at] = append(ranked[at], keyed{item{name, value}, fold(name)})
			octets += int64(len(name)) + nameCost
		}
	}
	if !r.take(octets) {
		return false
	}
	for at, list := range ranked {
		if len(list) == 0 {
			continue
		}
		slices.SortFunc(list, func(a, b keyed) int { return r.key.order.compare(&a.item, &b.item, a.key, b.key) })
		items := make([]item, len(list)) // the keys are made again, rather than kept
		for i := range list {
			items[i] = list[i].item
		}
		r.runs = append(r.runs, run{items, at, list[0].key})
	}
	return true
}

// merged returns all names of r in order. It is called when the last were read.
func (r *roster) merged() merge {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := merge{slices.Clone(r.runs), r.key.order}
	for i := len(m.runs)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m
}

// A merge takes names from runs in order.
type merge struct {
	runs  []run // a heap of what is left of them
	order order
}

// next takes the first name. It returns "" when there are no more.
func (m *merge) next() string {
	if len(m.runs) == 0 {
		return ""
	}
	h := &m.runs[0]
	name := h.items[0].name
	if h.items = h.items[1:]; len(h.items) > 0 {
		h.key = fold(h.items[0].name)
	} else {
		last := len(m.runs) - 1
		m.runs[0] = m.runs[last]
		m.runs = m.runs[:last]
	}
	m.sink(0)
	return name
}

func (m *merge) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.runs); child++ {
			if m.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.runs[i], m.runs[least] = m.runs[least], m.runs[i]
		i = least
	}
}

func (m *merge) before(i, j int) bool {
	a, b := &m.runs[i], &m.runs[j]
	if a.rank != b.rank {
		return a.rank < b.rank
	}
	return m.order.compare(&a.items[0], &b.items[0], a.key, b.key) < 0
}
