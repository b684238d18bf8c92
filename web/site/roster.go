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

	// nameCost is what a name takes beside its bytes: a string's head, and what
	// an allocation is rounded up by.
	nameCost = 32

	// runLength is how many names are read at once: a few milliseconds' work.
	runLength = 4096
)

// rosters are the rosters that a site's long lists are made from just now.
type rosters struct {
	mu    sync.Mutex
	byDir map[sys.Stat]*roster // the ones that more lists can share
	count int
	taken int64 // octets of memory
}

// A roster is the names in one directory, as far as they have been read: in
// runs, each of them in order. So many names are never sorted in one go.
type roster struct {
	all   *rosters
	dir   *os.File // its number may be used until the last user has left
	st    sys.Stat // of dir, before it was read
	users int      // guarded by all.mu
	taken int64    // guarded by all.mu

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
	names []string
	rank  int
}

// join returns a roster of the open directory dir, of which it takes ownership,
// for one list more. first are names that were read from it already, and st is
// what it was before, at the time looked. join returns nil when there is no room.
func (all *rosters) join(dir *os.File, st sys.Stat, first []string, looked time.Time) *roster {
	all.mu.Lock()
	defer all.mu.Unlock()
	r := all.byDir[st]
	if r == nil {
		if all.count == maxRosters || all.taken >= maxRosterRoom {
			dir.Close()
			return nil
		}
		all.count++
		r = &roster{all: all, dir: dir, st: st, unread: first}
		if looked.Sub(st.Ctime.Time()) >= coarsest { // or it may change without a trace
			if all.byDir == nil {
				all.byDir = make(map[sys.Stat]*roster)
			}
			all.byDir[st] = r
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
	if r.all.byDir[r.st] == r {
		delete(r.all.byDir, r.st)
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

// read reads one run of names more and reports whether that was the last. rank
// says for a name where it stands.
func (r *roster) read(limit int, rank func(name string) int) (last bool, err error) {
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
	if !r.add(names, rank) || r.names > limit {
		r.end = true
	}
	return r.end, nil
}

// add makes runs of names and reports false when there is no memory for them.
func (r *roster) add(names []string, rank func(name string) int) bool {
	var ranked [ranks][]string
	octets := int64(0)
	for _, name := range names {
		if name[0] != '.' {
			at := rank(name)
			ranked[at] = append(ranked[at], name)
			octets += int64(len(name)) + nameCost
		}
	}
	if !r.take(octets) {
		return false
	}
	for at, names := range ranked {
		if len(names) > 0 {
			slices.SortFunc(names, compareNames)
			r.runs = append(r.runs, run{names, at})
		}
	}
	return true
}

// merged returns all names of r in order. It is called when the last were read.
func (r *roster) merged() merge {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := merge(slices.Clone(r.runs))
	for i := len(m)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m
}

// A merge takes names from runs in order: a heap of what is left of them.
type merge []run

// next takes the first name. It returns "" when there are no more.
func (m *merge) next() string {
	h := *m
	if len(h) == 0 {
		return ""
	}
	name := h[0].names[0]
	if h[0].names = h[0].names[1:]; len(h[0].names) == 0 {
		h[0] = h[len(h)-1]
		h = h[:len(h)-1]
		*m = h
	}
	h.sink(0)
	return name
}

func (m merge) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m); child++ {
			if m[child].before(m[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m[i], m[least] = m[least], m[i]
		i = least
	}
}

func (r run) before(other run) bool {
	if r.rank != other.rank {
		return r.rank < other.rank
	}
	return compareNames(r.names[0], other.names[0]) < 0
}
