package site

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// A root is a directory from which names are resolved, and never to anything
// outside it. Names are as in path; errors are a syscall.Errno, of which EXDEV
// means that a link leads out. It is safe for concurrent use.
type root interface {
	// open opens a file or directory for reading. It waits for no other
	// process: a FIFO opens at once. The caller owns the descriptor.
	open(name string) (*ipc.FD, error)

	// stat is stat(2); it needs no permission for the file itself.
	stat(name string) (sys.Stat, error)

	// cached is stat without ever waiting: EAGAIN where it would have to.
	cached(name string) (sys.Stat, error)

	// another opens a root of the same kind: dir beneath the directory home,
	// which takes no permission for home but to search it. When it must not
	// wait its error may be EAGAIN.
	another(home, dir string, wait bool) (root, error)

	Close() error
}

// openRoot opens the best root there is.
func openRoot(dir string) (root, error) {
	if sys.BeneathSupported() == nil {
		return openKernelRoot(dir)
	}
	return openWalkedRoot(dir)
}

// A kernelRoot has the kernel watch over each step (openat2(2)).
type kernelRoot struct{ dir *ipc.FD }

func openKernelRoot(dir string) (root, error) {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return searchable(&kernelRoot{ipc.NewFD(fd)})
}

// searchable returns r, which the caller may read, or closes it when he may not
// search it.
func searchable(r root) (root, error) {
	fd, err := r.open("")
	if err != nil {
		r.Close()
		return nil, err
	}
	fd.Close()
	return r, nil
}

func (r *kernelRoot) open(name string) (*ipc.FD, error) {
	fd, errno := sys.OpenBeneath(r.dir.Number(), orDot(name))
	if errno != 0 {
		return nil, errno
	}
	return ipc.NewFD(fd), nil
}

func (r *kernelRoot) stat(name string) (sys.Stat, error) {
	return result(sys.StatBeneath(r.dir.Number(), orDot(name)))
}

func (r *kernelRoot) cached(name string) (sys.Stat, error) {
	return result(sys.StatCached(r.dir.Number(), orDot(name)))
}

func (r *kernelRoot) another(home, dir string, wait bool) (root, error) {
	in, errno := sys.OpenDirectory(home, !wait)
	if errno != 0 {
		return nil, errno
	}
	defer syscall.Close(in)
	fd, errno := sys.OpenDirectoryBeneath(in, dir, !wait)
	if errno != 0 {
		return nil, errno
	}
	return &kernelRoot{ipc.NewFD(fd)}, nil
}

func (r *kernelRoot) Close() error { return r.dir.Close() }

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

// A walkedRoot walks from directory to directory and follows links by itself
// (os.Root): for systems without openat2(2). It needs to read the directories
// on its way, where others need only search them.
type walkedRoot struct{ dir *os.Root }

func openWalkedRoot(dir string) (root, error) {
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
	return searchable(&walkedRoot{r})
}

func (r *walkedRoot) open(name string) (*ipc.FD, error) {
	f, err := r.dir.OpenFile(orDot(name), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, errnoOf(err)
	}
	defer f.Close()
	// f closes its own descriptor, and cannot be asked not to.
	fd, errno := sys.Dup(int(f.Fd()))
	if errno != 0 {
		return nil, errno
	}
	return ipc.NewFD(fd), nil
}

// stat leaves out what a FileInfo does not say: Dev, Ino and Ctime.
func (r *walkedRoot) stat(name string) (sys.Stat, error) {
	info, err := r.dir.Stat(orDot(name))
	if err != nil {
		return sys.Stat{}, errnoOf(err)
	}
	st := sys.Stat{Size: info.Size(), Mode: uint32(info.Mode().Perm())}
	switch info.Mode().Type() {
	case 0:
		st.Mode |= syscall.S_IFREG
	case fs.ModeDir:
		st.Mode |= syscall.S_IFDIR
	}
	modified := info.ModTime()
	st.Mtime = sys.Time{Sec: modified.Unix(), Nsec: int64(modified.Nanosecond())}
	return st, nil
}

// cached would have to walk, and any step may wait for a disk.
func (r *walkedRoot) cached(string) (sys.Stat, error) { return sys.Stat{}, syscall.EAGAIN }

func (r *walkedRoot) another(home, dir string, wait bool) (root, error) {
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
	return &walkedRoot{inner}, nil
}

func (r *walkedRoot) Close() error { return r.dir.Close() }

// errnoOf finds the errno in an error of os.Root, whose own error for a link
// that leads out has no name.
func errnoOf(err error) error {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, os.ErrClosed):
		return syscall.EBADF
	}
	return syscall.EXDEV
}
