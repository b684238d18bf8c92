package site

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"xanadu/internal/sys"
)

// lookEvery is how old the knowledge may be of where the document root's name
// leads. With the half second for which a server may serve a document without a
// look at it (web.Reply.Unchanged), a new root is seen within a second.
const lookEvery = 250 * time.Millisecond

// A named is the directory to which a name leads, opened. When the name leads to
// another, because of a rename or a link, that one is opened in its place; when
// it leads to none that can be opened, the last one stays. It is a where, and
// safe for concurrent use.
type named struct {
	path  string // absolute; "": nobody knows, and the directory stays
	open  func(path string) (tree, error)
	every time.Duration // how long is believed where path leads; 0: it is looked at each time
	now   func() time.Time
	born  time.Time

	// remember, unless nil, is told of every directory or file to which the
	// path was found to lead, before it is used. It takes ownership of fd,
	// which may be -1.
	remember func(id sys.Identity, fd int)

	current atomic.Pointer[opened]
	looked  atomic.Int64 // when path was looked at, nanoseconds after born
	mu      sync.Mutex   // held while another is opened
}

// An opened is an open directory that its users share. The last one closes it.
type opened struct {
	tree
	id    sys.Identity // zero where nobody needs it
	local bool         // it is not on another machine, nor behind another process
	users atomic.Int32 // the where is one of them
}

func (o *opened) leave() error {
	if o.users.Add(-1) == 0 {
		return o.Close()
	}
	return nil
}

// openNamed opens the directory dir.
func openNamed(dir string, open func(string) (tree, error), now func() time.Time) (*named, error) {
	n := &named{open: open, every: lookEvery, now: now, born: now()}
	n.path, _ = filepath.Abs(dir)
	o, err := n.openAt(dir)
	if err != nil {
		return nil, err
	}
	n.current.Store(o)
	return n, nil
}

func (n *named) openAt(path string) (*opened, error) {
	t, err := n.open(path)
	if err != nil {
		return nil, err
	}
	st, errno := sys.Fstat(t.number())
	if errno != 0 {
		t.Close()
		return nil, errno
	}
	o := &opened{tree: t, id: st.Identity(), local: sys.IsLocal(t.number(), &st)}
	o.users.Store(1)
	return o, nil
}

func (n *named) enter(wait bool) (*opened, error) {
	if n.path != "" {
		if age := n.now().Sub(n.born) - time.Duration(n.looked.Load()); age < 0 || age >= n.every {
			if err := n.look(wait); err != nil {
				return nil, err
			}
		}
	}
	for {
		o := n.current.Load()
		users := o.users.Load()
		if users > 0 && o.users.CompareAndSwap(users, users+1) {
			return o, nil
		}
		if users == 0 && n.current.Load() == o {
			return nil, syscall.EBADF // n is closed
		}
	}
}

// look finds out whether the path leads elsewhere by now, and goes along. When
// it must not wait its error may be EAGAIN.
//
// Where that cannot be answered from memory, by a file system that may hang, one
// asks at a time, and others go on with what was known.
func (n *named) look(wait bool) error {
	now := n.now()
	id, errno := sys.IdentityCached(n.path)
	o := n.current.Load()
	switch errno = wouldWait(errno, false); {
	case errno == 0 && id == o.id:
	case errno != 0 && errno != syscall.EAGAIN: // it leads nowhere
	case !wait:
		return syscall.EAGAIN
	default:
		if !o.local {
			if !n.mu.TryLock() {
				return nil
			}
		} else {
			n.mu.Lock()
		}
		defer n.mu.Unlock()
		if _, blind := n.update(); blind != nil {
			return blind
		}
	}
	n.looked.Store(int64(now.Sub(n.born)))
	return nil
}

func (n *named) elsewhere(in *opened, wait bool) bool {
	return n.path != "" && n.look(wait) == nil && n.current.Load() != in
}

// reopen goes to where the path leads now. Its error says why the last one
// stays.
func (n *named) reopen() error {
	if n.path == "" {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	err, blind := n.update()
	if blind != nil {
		return blind
	}
	return err
}

// update opens the directory to which the path leads, unless that is the current
// one. err says why that cannot be opened, and blind why it is not even known
// what it is. n.mu is held.
func (n *named) update() (err, blind error) {
	old := n.current.Load()
	if id, errno := sys.IdentityOf(n.path); errno == 0 && id == old.id {
		return nil, nil
	}
	o, err := n.openAt(n.path)
	for tries := 1; err != nil; tries++ {
		there, blind := n.note()
		if blind != nil || !there || err != syscall.ENOENT || tries == maxTries {
			return err, blind
		}
		o, err = n.openAt(n.path) // it has only come now
	}
	if o.id == old.id {
		o.Close()
		return nil, nil
	}
	if n.remember != nil {
		fd, errno := sys.Dup(o.number())
		if errno != 0 {
			o.Close()
			return errno, errno
		}
		n.remember(o.id, fd)
	}
	n.current.Store(o)
	return nil, old.leave()
}

// note has what the path leads to remembered, if it leads anywhere, although it
// could not be opened.
func (n *named) note() (there bool, blind error) {
	id, fd, errno := sys.Hold(n.path)
	switch errno {
	case 0:
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
		return false, errno
	default:
		return false, nil
	}
	switch {
	case n.remember != nil:
		n.remember(id, fd)
	case fd >= 0:
		syscall.Close(fd)
	}
	return true, nil
}

func (n *named) denied(*opened) error { return syscall.EACCES }

func (n *named) paths(in *opened) []string { return pathsOf(in, n.path) }

func pathsOf(in *opened, path string) []string {
	if told, errno := sys.PathOf(in.number()); errno == 0 {
		return []string{path, told}
	}
	return []string{path}
}

func (n *named) said(name string) string { return orDot(name) }

func (n *named) absolute(name string) string {
	if n.path == "" {
		return ""
	}
	return strings.TrimSuffix(n.path, "/") + "/" + name
}

func (n *named) Close() error { return n.current.Load().leave() }
