package site

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"xanadu/internal/sys"
)

// maxRemembered is how many directories are remembered that programs once lay
// in. A deploy leaves one behind, and most sites keep few for a return to an
// older release. Each takes a descriptor.
const maxRemembered = 64

// An apart keeps the directory of programs out of all roots: nothing is to be
// found there that lies in it, whichever way a name takes to it: by another
// spelling on a file system that knows no case, by a link, by a rename, by a
// second mount. It is kept out by its name, and by what it is, and so is every
// directory that once had its name: what was replaced is a program's source
// still. It is safe for concurrent use.
//
// A hard link to a program is a document, and so is what a mount shows of a
// directory within that of the programs: neither can be told from others.
type apart struct {
	programs *named
	errorf   func(format string, args ...any)
	noPaths  bool // paths are not compared; for tests
	quit     chan struct{}
	watching sync.WaitGroup

	closed atomic.Pointer[closed]
	mu     sync.Mutex // held while closed is replaced
}

// A closed is what an apart keeps out. It is immutable.
type closed struct {
	held  []held   // oldest first; the last one is the current
	names []string // absolute paths
}

// A held is a file or directory that is open, so that no other gets its
// identity.
type held struct {
	id sys.Identity
	fd int // -1: it could not be opened
}

func (c *closed) has(id sys.Identity) bool {
	return slices.ContainsFunc(c.held, func(h held) bool { return h.id == id })
}

// covers reports whether a path is one of the names or leads on from one.
func (c *closed) covers(path string) bool {
	return slices.ContainsFunc(c.names, func(name string) bool {
		rest, ok := strings.CutPrefix(path, name)
		return ok && (rest == "" || rest[0] == '/')
	})
}

// keepApart returns an apart of the directory programs, whose named it has
// report to it.
func keepApart(programs *named, errorf func(string, ...any)) (*apart, error) {
	a := &apart{programs: programs, errorf: errorf, quit: make(chan struct{})}
	a.closed.Store(new(closed))
	now := programs.current.Load()
	fd, errno := sys.Dup(now.number())
	if errno != 0 {
		return nil, errno
	}
	programs.every = 0
	programs.remember = a.remember
	a.remember(now.id, fd)
	a.watching.Go(a.watch)
	return a, nil
}

// watch looks where the programs are also while nobody asks for anything: of two
// deploys in a quiet night the first must not be missed.
func (a *apart) watch() {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-a.quit:
			return
		case <-ticks.C:
			a.programs.look(true) // requests are told what keeps it from looking
		}
	}
}

// remember adds what the programs' name leads to. It takes ownership of fd.
func (a *apart) remember(id sys.Identity, fd int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.closed.Load()
	if last := len(old.held) - 1; last >= 0 && old.held[last].id == id && fd >= 0 {
		syscall.Close(fd)
		return
	}
	next := &closed{names: []string{a.programs.path}}
	for _, h := range old.held {
		switch {
		case h.id == id || h.fd >= 0 && sys.IsRemoved(h.fd):
			h.close()
		default:
			next.held = append(next.held, h)
		}
	}
	if len(next.held) == maxRemembered {
		next.held[0].close()
		next.held = slices.Delete(next.held, 0, 1)
		a.errorf("more than %d directories in which programs lay: the first of them counts as documents; delete old ones", maxRemembered)
	}
	next.held = append(next.held, held{id, fd})
	if path, errno := sys.PathOf(fd); errno == 0 && path != a.programs.path {
		next.names = append(next.names, path)
	}
	a.closed.Store(next)
}

func (h held) close() {
	if h.fd >= 0 {
		syscall.Close(h.fd)
	}
}

// holds reports whether f, which was found in in with the way to it, is among
// what is kept apart. When it must not wait its error may be EAGAIN.
//
// Where the programs are is looked up after f was found, so that what takes
// their name is theirs from the first moment on. Then f's own path is compared,
// which the kernel tells as of one moment, and each directory above f. A removed
// one may be forgotten already: what was in it is not served (sys.Ancestors).
func (a *apart) holds(f *found, in *opened, wait bool) (bool, error) {
	if err := a.programs.look(wait); err != nil {
		return false, err
	}
	c := a.closed.Load()
	if c.has(f.st.Identity()) {
		return true, nil
	}
	path, errno := sys.PathOf(f.parent)
	told := errno == 0 && !a.noPaths // there may be no /proc
	if told {
		if f.base != "." {
			path = strings.TrimSuffix(path, "/") + "/" + f.base
		}
		if c.covers(path) {
			return true, nil
		}
	}
	inside := false
	visit := func(id sys.Identity) (goOn bool) {
		inside = c.has(id)
		// The path was compared up to the root, so this need not go beyond in.
		return !inside && !(told && id == in.id)
	}
	if wait {
		errno = sys.Ancestors(f.parent, visit)
	} else {
		errno = wouldWait(sys.AncestorsCached(f.parent, visit), wait)
	}
	if errno != 0 {
		return false, errno
	}
	return inside, nil
}

// covers reports whether an absolute path is a name of the programs, or leads on
// from one, as it is spelled. So what has the name for less than the moment between
// two looks is kept out as well. "" is covered by none.
func (a *apart) covers(path string) bool { return path != "" && a.closed.Load().covers(path) }

// has reports whether st is of what is kept apart. A nil apart keeps nothing.
func (a *apart) has(st *sys.Stat) bool {
	return a != nil && a.closed.Load().has(st.Identity())
}

// Close ends the watch and forgets everything.
func (a *apart) Close() error {
	close(a.quit)
	a.watching.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range a.closed.Load().held {
		h.close()
	}
	a.closed.Store(new(closed))
	return nil
}
