package site

import (
	"strings"
	"syscall"

	"xanadu/internal/sys"
)

// findOutside finds what name leads to from the root, wherever that is. It follows a
// link only if its owner is also that of what it leads to: whoever has made the link
// could have made the file readable as well. Of links that lead to links that holds
// for each. All owners are those of what was opened, and what was opened is what is
// found, so that nothing can be put in its place meanwhile.
//
// The rule holds for links that stay beneath the root, too: where a directory is
// moved during the walk, ".." in a link's target leads where nobody can tell.
func findOutside(in *opened, name string) (f found, err error) {
	w := ownerWalk{todo: strings.Split(name, "/")}
	var errno syscall.Errno
	if w.dir, errno = sys.OpenPath(in.number(), "."); errno != 0 {
		return found{}, errno
	}
	defer func() { syscall.Close(w.dir) }()
	f = found{at: -1, parent: -1, base: "."}
	for range maxSteps {
		if len(w.todo) == 0 {
			break
		}
		if f.at >= 0 {
			return found{}, closing(&f, syscall.ENOTDIR)
		}
		if err := w.step(&f); err != nil {
			return found{}, closing(&f, err)
		}
	}
	if len(w.todo) > 0 {
		return found{}, closing(&f, syscall.ELOOP)
	}
	if f.parent, errno = sys.Dup(w.dir); errno == 0 && f.at < 0 {
		if f.at, errno = sys.Dup(w.dir); errno == 0 {
			f.st, errno = sys.Fstat(f.at)
		}
	}
	if errno != 0 {
		return found{}, closing(&f, errno)
	}
	return f, nil
}

func closing(f *found, err error) error {
	f.close()
	return err
}

// An ownerWalk walks from directory to directory.
type ownerWalk struct {
	dir   int      // where it is; its own
	todo  []string // segments
	links []followed
	count int // of links
}

// A followed is a link whose target is being walked.
type followed struct {
	owner uint32
	rest  int // how many segments are left of todo behind the target
}

// step takes one segment of todo: it enters a directory, puts a link's target in
// front of todo, or makes anything else f, which is the end of the way.
func (w *ownerWalk) step(f *found) error {
	base := w.todo[0]
	w.todo = w.todo[1:]
	if base == "" {
		base = "." // which shows whether the links that end here are those of its owner
	}
	fd, errno := sys.OpenPath(w.dir, base)
	if errno != 0 {
		return errno
	}
	st, errno := sys.Fstat(fd)
	if errno != 0 {
		syscall.Close(fd)
		return errno
	}
	if st.IsSymlink() {
		target, errno := sys.Readlinkat(fd, "")
		syscall.Close(fd)
		if w.count++; errno == 0 && w.count > maxLinks {
			errno = syscall.ELOOP
		}
		if errno != 0 {
			return errno
		}
		w.links = append(w.links, followed{st.UID, len(w.todo)})
		if strings.HasPrefix(target, "/") {
			top, errno := sys.OpenPath(w.dir, "/")
			if errno != 0 {
				return errno
			}
			syscall.Close(w.dir)
			w.dir = top
		}
		w.todo = append(strings.Split(target, "/"), w.todo...)
		return nil
	}
	for n := len(w.links); n > 0 && w.links[n-1].rest == len(w.todo); n-- {
		if w.links[n-1].owner != st.UID {
			syscall.Close(fd)
			return errNotOwner
		}
		w.links = w.links[:n-1]
	}
	if st.IsDir() {
		syscall.Close(w.dir)
		w.dir = fd
		return nil
	}
	f.at, f.st, f.base = fd, st, base
	return nil
}
