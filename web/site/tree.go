package site

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// A tree is an open directory in which names are found, and never anything
// outside it. Names are as in path; errors are a syscall.Errno, of which EXDEV
// means that a link leads out. It is safe for concurrent use.
//
// Only a root may use it: what it finds may have to be kept apart.
type tree interface {
	// find finds what name leads to, without opening it. With way it finds
	// the directory that it lies in as well. When it must not wait its error
	// may be EAGAIN.
	find(name string, way, wait bool) (found, error)

	// directory opens the directory name, for names in it to be found.
	directory(name string, wait bool) (int, syscall.Errno)

	// entry finds f.base in f.parent. It does not follow a link.
	entry(f *found, wait bool) syscall.Errno

	number() int // of the directory's descriptor, borrowed
	Close() error
}

// A kind is a way to keep to a directory.
type kind struct {
	// open opens the directory dir, which the caller may read and search.
	open func(dir string) (tree, error)

	// beneath opens dir within the directory home. It takes no permission for
	// home but to search it. When it must not wait its error may be EAGAIN.
	beneath func(home, dir string, wait bool) (tree, error)
}

var (
	byKernel  = &kind{openKernelTree, openKernelTreeBeneath}
	byWalking = &kind{openWalkedTree, openWalkedTreeBeneath}
)

// bestKind returns the best kind there is.
func bestKind() *kind {
	if sys.BeneathSupported() == nil {
		return byKernel
	}
	return byWalking
}

// A found is what a name leads to. Its descriptors are those of the caller.
type found struct {
	st     sys.Stat
	at     int    // for OpenFound; -1: there is none
	parent int    // the directory in which it was found; -1: nobody asked
	base   string // its name there, which is no link's; "." for parent itself
}

func (f *found) close() {
	for _, fd := range [...]int{f.at, f.parent} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}

// errElsewhere: a name leads elsewhere than it did a moment ago.
var errElsewhere = errors.New("the name leads elsewhere by now")

// open opens f, a regular file or a directory, for reading. Without at, or
// without a /proc, it can be done by name only: then errElsewhere means that
// another file has it now, and one who has replaced the file by a FIFO this
// moment may find that it has got a reader. That may wait for a disk, and is not
// done when f must not.
func (f *found) open(wait bool) (*ipc.FD, error) {
	if f.at >= 0 {
		fd, errno := sys.OpenFound(f.at)
		switch {
		case errno == 0:
			return ipc.NewFD(fd), nil
		case errno != syscall.ENOENT && errno != syscall.EACCES:
			return nil, errno
		case f.parent < 0 || !wait:
			return nil, errElsewhere
		}
	}
	n, errno := sys.OpenEntry(f.parent, f.base)
	if errno != 0 {
		return nil, errno
	}
	fd := ipc.NewFD(n)
	st, errno := sys.Fstat(n)
	switch {
	case errno != 0:
		fd.Close()
		return nil, errno
	case st.Identity() != f.st.Identity():
		fd.Close()
		return nil, errElsewhere
	}
	f.st = st // which says more than what an entry was found to be
	return fd, nil
}

// maxLinks is how many links on the way to a file are followed, as in the kernel
// (path_resolution(7)).
const maxLinks = 40

// findWay finds what name leads to in t, and the directory that it lies in: by
// following the link at the end of a name, and the next, step by step.
func findWay(t tree, name string, wait bool) (f found, linked bool, err error) {
	for range maxLinks {
		dir, base := splitName(name)
		parent, errno := t.directory(dir, wait)
		if errno != 0 {
			return found{}, false, errno
		}
		f = found{at: -1, parent: parent, base: base}
		if errno := t.entry(&f, wait); errno != 0 {
			f.close()
			return found{}, false, errno
		}
		if !f.st.IsSymlink() {
			return f, linked, nil
		}
		if !wait { // a link's text may have to be read from the disk
			f.close()
			return found{}, false, syscall.EAGAIN
		}
		target, errno := sys.Readlinkat(f.parent, f.base)
		f.close()
		switch {
		case errno == syscall.EINVAL: // it is no link any more
			continue
		case errno != 0:
			return found{}, false, errno
		case strings.HasPrefix(target, "/"):
			return found{}, false, syscall.EXDEV
		}
		linked = true
		if name = target; dir != "" {
			name = dir + "/" + target
		}
	}
	return found{}, false, syscall.ELOOP
}

// splitName splits name before its last segment. What can only be a directory
// is one as a whole, and "." in it.
func splitName(name string) (dir, base string) {
	at := strings.LastIndexByte(name, '/')
	switch base = name[at+1:]; base {
	case "", ".", "..":
		return name, "."
	}
	return name[:max(0, at)], base
}

func orDot(name string) string {
	if name == "" {
		return "."
	}
	return name
}

// result makes of errno 0 a nil error.
func result(st sys.Stat, errno syscall.Errno) (sys.Stat, error) {
	if errno != 0 {
		return st, errno
	}
	return st, nil
}

// A kernelTree has the kernel watch over each step (openat2(2)).
type kernelTree struct{ dir *ipc.FD }

func openKernelTree(dir string) (tree, error) {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return searchable(&kernelTree{ipc.NewFD(fd)})
}

// searchable returns t, which the caller may read, or closes it when he may not
// search it.
func searchable(t tree) (tree, error) {
	f, err := t.find("", false, true)
	if err != nil {
		t.Close()
		return nil, err
	}
	f.close()
	return t, nil
}

func openKernelTreeBeneath(home, dir string, wait bool) (tree, error) {
	in, errno := sys.OpenDirectory(home, !wait)
	if errno != 0 {
		return nil, wouldWait(errno, wait)
	}
	defer syscall.Close(in)
	fd, errno := sys.OpenDirectoryBeneath(in, dir, !wait)
	if errno != 0 {
		return nil, wouldWait(errno, wait)
	}
	return &kernelTree{ipc.NewFD(fd)}, nil
}

// wouldWait makes of the errno of a call that must not wait EAGAIN, where the
// kernel cannot say or the call has been interrupted.
func wouldWait(errno syscall.Errno, wait bool) syscall.Errno {
	switch errno {
	case syscall.EINTR, syscall.EINVAL, syscall.ENOSYS, syscall.EPERM:
		if !wait {
			return syscall.EAGAIN
		}
	}
	return errno
}

func (t *kernelTree) find(name string, way, wait bool) (found, error) {
	if way {
		return t.findWay(name, wait)
	}
	at, errno := sys.FindBeneath(t.dir.Number(), orDot(name), !wait)
	if errno != 0 {
		return found{}, wouldWait(errno, wait)
	}
	f := found{at: at, parent: -1}
	if errno := f.look(); errno != 0 {
		f.close()
		return found{}, wouldWait(errno, wait)
	}
	return f, nil
}

// findWay is findWay, with the kernel's consent where a link was followed: it
// may have been told to follow none, or not this one (mount(2), MS_NOSYMFOLLOW;
// proc(5), protected_symlinks).
func (t *kernelTree) findWay(name string, wait bool) (found, error) {
	for range maxLinks {
		f, linked, err := findWay(t, name, wait)
		if err != nil || !linked {
			return f, err
		}
		same, err := t.find(name, false, wait)
		if err != nil {
			f.close()
			return found{}, err
		}
		if same.st.Identity() == f.st.Identity() {
			same.close()
			return f, nil
		}
		same.close()
		f.close()
	}
	return found{}, syscall.EAGAIN // somebody changes the links without end
}

func (t *kernelTree) directory(name string, wait bool) (int, syscall.Errno) {
	fd, errno := sys.OpenDirectoryBeneath(t.dir.Number(), orDot(name), !wait)
	return fd, wouldWait(errno, wait)
}

func (t *kernelTree) entry(f *found, wait bool) (errno syscall.Errno) {
	if f.at, errno = sys.FindEntry(f.parent, f.base, !wait); errno == 0 {
		errno = f.look()
	}
	return wouldWait(errno, wait)
}

// look fills in f.st. It waits for nobody: finding the name has told the kernel
// what there is to know, but for what is mounted there. To ask that would be to
// hang where it hangs, and with it the list of a directory that it is in.
func (f *found) look() (errno syscall.Errno) {
	f.st, errno = sys.FstatCached(f.at)
	return errno
}

func (t *kernelTree) number() int { return t.dir.Number() }

func (t *kernelTree) Close() error { return t.dir.Close() }

// A walkedTree walks from directory to directory and follows links by itself
// (os.Root): for systems without openat2(2). It needs to read the directories
// on its way, where others need only search them. Any step may wait for a disk.
type walkedTree struct {
	dir *os.Root
	own *ipc.FD // dir, for its number
}

func openWalkedTree(dir string) (tree, error) {
	// os.OpenRoot has its own words for what is no directory.
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	syscall.Close(fd)
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errnoOf(err)
	}
	t, err := newWalkedTree(r)
	if err != nil {
		return nil, err
	}
	return searchable(t)
}

// newWalkedTree takes ownership of r.
func newWalkedTree(r *os.Root) (tree, error) {
	fd, errno := openIn(r, ".")
	if errno != 0 {
		r.Close()
		return nil, errno
	}
	return &walkedTree{r, ipc.NewFD(fd)}, nil
}

// openIn opens a directory within r.
func openIn(r *os.Root, name string) (int, syscall.Errno) {
	f, err := r.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return -1, errnoOf(err)
	}
	defer f.Close()
	return sys.Dup(int(f.Fd())) // f closes its own, and cannot be asked not to
}

func openWalkedTreeBeneath(home, dir string, wait bool) (tree, error) {
	if !wait {
		return nil, syscall.EAGAIN
	}
	// The dots make of home and dir directories on the way, for which no FIFO
	// is taken: opening one would wait.
	in, err := os.OpenRoot(home + "/.")
	if err != nil {
		return nil, errnoOf(err)
	}
	defer in.Close()
	inner, err := in.OpenRoot(dir + "/.")
	if err != nil {
		return nil, errnoOf(err)
	}
	return newWalkedTree(inner)
}

func (t *walkedTree) find(name string, _, wait bool) (found, error) {
	f, _, err := findWay(t, name, wait)
	return f, err
}

func (t *walkedTree) directory(name string, wait bool) (int, syscall.Errno) {
	if !wait {
		return -1, syscall.EAGAIN
	}
	return openIn(t.dir, orDot(name))
}

func (t *walkedTree) entry(f *found, wait bool) (errno syscall.Errno) {
	f.st, errno = sys.Lstatat(f.parent, f.base)
	return errno
}

func (t *walkedTree) number() int { return t.own.Number() }

func (t *walkedTree) Close() error { return errors.Join(t.own.Close(), t.dir.Close()) }

// errnoOf finds the errno in an error of os.Root, whose own error for a link
// that leads out has no name.
func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, os.ErrClosed):
		return syscall.EBADF
	}
	return syscall.EXDEV
}
