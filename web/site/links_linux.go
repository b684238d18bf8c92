package site

import (
	"errors"
	"strings"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// mayFollow says why links that lead out of a directory cannot be
// followed: on Linux they can.
func mayFollow() error { return nil }

// errUntrusted: a link leads out of the directory of programs, and it, or something
// on the way, may be of a stranger's making.
var errUntrusted = errors.New("a link out of the directory of programs, or what it leads to, belongs neither to root nor to the directory's owner, or others may replace it")

// A linked is a program to which a link leads.
type linked struct {
	dir  *ipc.FD // the directory that it is in
	base string  // its name there, which is no link's
	end  int     // where in the way that was asked for its name ends
}

// findLinked finds the program on the way, as program does, also where links lead
// out of the root. Each link that is followed, and all that is found outside, belongs
// to root or to the owner of the root's directory, and no directory outside is
// one in which everybody may replace what is there. That is asked about what has
// been opened, so that nothing can be put in its place meanwhile, and what is found
// then is what runs. The caller owns dir.
func (r *root) findLinked(way string) (linked, error) {
	in, err := r.where.enter(true)
	if err != nil {
		return linked{}, err
	}
	defer in.leave()
	st, errno := sys.Fstat(in.number())
	if errno != 0 {
		return linked{}, errno
	}
	w := walker{owner: st.UID}
	defer w.close()
	if w.dir, errno = sys.OpenPath(in.number(), "."); errno != 0 {
		w.dir = -1
		return linked{}, errno
	}
	for end := 0; end < len(way); end++ {
		start := end
		if at := strings.IndexByte(way[start:], '/'); at >= 0 {
			end += at
		} else {
			end = len(way)
		}
		file, err := w.walk(way[start:end])
		switch {
		case err != nil:
			return linked{}, err
		case file != "":
			dir := ipc.NewFD(w.dir)
			w.dir = -1
			return linked{dir, file, end}, nil
		}
	}
	return linked{}, syscall.EISDIR
}

// A walker walks from directory to directory.
type walker struct {
	owner   uint32 // of the root
	dir     int    // where it is; its own, or -1
	depth   int    // below the root
	outside bool   // it has left the root, if only for a while
	links   int    // that it has followed
}

func (w *walker) close() {
	if w.dir >= 0 {
		syscall.Close(w.dir)
	}
}

// walk follows a name, and the links that it leads to, into a directory, or up to a
// regular file, of which it returns the name in w.dir.
func (w *walker) walk(name string) (file string, err error) {
	for todo := []string{name}; len(todo) > 0; {
		name, todo = todo[0], todo[1:]
		if name == "" || name == "." {
			continue
		}
		fd, errno := sys.OpenPath(w.dir, name)
		if errno != 0 {
			return "", errno
		}
		st, errno := sys.Fstat(fd)
		switch {
		case errno != 0:
		case st.IsSymlink():
			var target string
			target, errno = sys.Readlinkat(fd, "")
			syscall.Close(fd)
			if w.links++; errno == 0 && w.links > maxLinks {
				errno = syscall.ELOOP
			}
			if errno != 0 {
				return "", errno
			}
			if !w.trusts(&st) {
				return "", errUntrusted
			}
			if strings.HasPrefix(target, "/") {
				if err := w.enterTop(); err != nil {
					return "", err
				}
			}
			todo = append(strings.Split(target, "/"), todo...)
			continue
		case st.IsDir():
			if err := w.enter(name, fd, &st); err != nil {
				return "", err
			}
			continue
		case !st.IsRegular():
			errno = syscall.ENOENT // a FIFO or a device is no program
		case len(todo) > 0:
			errno = syscall.ENOTDIR
		case w.outside && !w.trusts(&st):
			syscall.Close(fd)
			return "", errUntrusted
		}
		syscall.Close(fd)
		if errno != 0 {
			return "", errno
		}
		return name, nil
	}
	return "", nil
}

// enterTop enters the directory at which an absolute link begins.
func (w *walker) enterTop() error {
	fd, errno := sys.OpenPath(w.dir, "/")
	if errno != 0 {
		return errno
	}
	st, errno := sys.Fstat(fd)
	if errno != 0 {
		syscall.Close(fd)
		return errno
	}
	w.outside = true
	return w.enter("/", fd, &st)
}

// enter enters the directory fd, which is called name where it was, and takes
// ownership of it.
func (w *walker) enter(name string, fd int, st *sys.Stat) error {
	syscall.Close(w.dir)
	w.dir = fd
	if name == ".." {
		w.depth--
	} else {
		w.depth++
	}
	w.outside = w.outside || w.depth < 0
	const everybody, sticky = 0o002, 0o1000
	if w.outside && (!w.trusts(st) || st.Mode&everybody != 0 && st.Mode&sticky == 0) {
		return errUntrusted
	}
	return nil
}

// trusts reports whether a file belongs to root or to the owner of the root's
// directory.
func (w *walker) trusts(st *sys.Stat) bool { return st.UID == 0 || st.UID == w.owner }
