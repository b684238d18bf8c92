package site

import (
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// A root is a directory from which names are resolved, and never to anything
// outside it, nor to what is kept apart from it. Names are as in path; errors are
// a syscall.Errno, of which EXDEV means that a link leads out. It is safe for
// concurrent use.
//
// All that a root tells comes from find, which asks about what is kept apart: so
// no way to open or to look at a file can leave the question out.
type root struct {
	where  where
	apart  *apart // nil: nothing is kept apart
	texts  *texts // nil: links with absolute targets are not followed
	follow bool   // links that lead out are followed, where findOutside does
}

// A where says which directory a root is at present.
type where interface {
	// enter lends it, until leave. When it must not wait its error may be
	// EAGAIN.
	enter(wait bool) (*opened, error)

	// elsewhere reports whether the root is another directory than in by now.
	// It may wait if it is told so.
	elsewhere(in *opened, wait bool) bool

	// denied is the error for a name to which permission was denied in in.
	denied(in *opened) error

	// paths returns absolute paths of in, as links may spell them: that by which
	// it was opened, and the one that the kernel tells, if it does.
	paths(in *opened) []string

	// said says where a name is, for people.
	said(name string) string

	// absolute is the absolute path of a name, as it is spelled; "" if that is
	// not known.
	absolute(name string) string

	Close() error
}

// maxTries is how often it is tried to get hold of what changes all the time.
const maxTries = 8

// find finds what may be served under name. The caller closes it.
//
// What is not there any more may have been deleted after another directory had
// taken the root's name.
func (r *root) find(name string, way, wait bool) (found, error) {
	for tries := 1; ; tries++ {
		in, err := r.where.enter(wait)
		if err != nil {
			return found{}, err
		}
		f, err := r.findIn(in, name, way, wait)
		again := err == syscall.ENOENT && tries < maxTries && r.where.elsewhere(in, wait)
		in.leave()
		if !again {
			return f, err
		}
	}
}

func (r *root) findIn(in *opened, name string, way, wait bool) (found, error) {
	f, err := r.findAgain(in, name, way || r.apart != nil, wait)
	switch {
	case err == syscall.EACCES:
		return found{}, r.where.denied(in)
	case err != nil || r.apart == nil:
		return f, err
	}
	inside, err := r.apart.holds(&f, in, wait)
	inside = inside || r.apart.covers(r.where.absolute(name))
	if err == nil && !inside {
		return f, nil
	}
	f.close()
	if inside {
		err = syscall.ENOENT
	}
	return found{}, err
}

// stat is stat(2); it needs no permission for the file itself.
func (r *root) stat(name string) (sys.Stat, error) { return r.look(name, true) }

// cached is stat without ever waiting: EAGAIN where it would have to. Of a file
// on another machine it tells what was last known.
func (r *root) cached(name string) (sys.Stat, error) { return r.look(name, false) }

func (r *root) look(name string, wait bool) (sys.Stat, error) {
	f, err := r.find(name, false, wait)
	if err != nil {
		return sys.Stat{}, err
	}
	f.close()
	return f.st, nil
}

// open opens a regular file or a directory for reading, and says what it was
// just before. ENXIO for anything else, to which nothing is done: who waits for
// a FIFO to be read goes on waiting. The caller owns the descriptor.
func (r *root) open(name string) (*ipc.FD, sys.Stat, error) {
	way := false
	for range maxTries {
		f, err := r.find(name, way, true)
		if err != nil {
			return nil, sys.Stat{}, err
		}
		fd, err := f.openDocument(true)
		f.close()
		if err != errElsewhere {
			return fd, f.st, err
		}
		way = true // there may be no /proc
	}
	return nil, sys.Stat{}, syscall.EAGAIN
}

// openCached is open without ever waiting: EAGAIN where it would have to, and
// for what is on another machine or behind another process.
func (r *root) openCached(name string) (*ipc.FD, sys.Stat, error) {
	f, err := r.find(name, false, false)
	if err != nil {
		return nil, sys.Stat{}, err
	}
	defer f.close()
	if !sys.IsLocalCached(&f.st) {
		return nil, sys.Stat{}, syscall.EAGAIN
	}
	fd, err := f.openDocument(false)
	if err == errElsewhere {
		err = syscall.EAGAIN
	}
	return fd, f.st, err
}

func (f *found) openDocument(wait bool) (*ipc.FD, error) {
	if !f.st.IsRegular() && !f.st.IsDir() {
		return nil, syscall.ENXIO
	}
	return f.open(wait)
}

// Close closes what the root keeps open.
func (r *root) Close() error { return r.where.Close() }
