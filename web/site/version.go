package site

import (
	"syscall"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

// A version is a file as it was when a reply was made of it.
type version struct {
	root *root
	name string
	fd   *ipc.FD // the reply's File, which the server owns
	st   sys.Stat
}

// unchanged implements web.Reply.Unchanged.
//
// The name is resolved again, so that it notices every change on the way to the
// file as well as in it: a link or directory renamed, a permission taken away.
func (f *version) unchanged() web.Freshness {
	now, err := f.root.cached(f.name)
	switch err {
	case nil:
		if now == f.st {
			return web.Same
		}
		return web.Changed
	case syscall.EAGAIN, syscall.EINTR, syscall.EINVAL, // EINVAL: Linux before 5.12
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
		return web.Unknown
	}
	return web.Changed
}

// reread implements web.Reply.Reread. A change that comes while the file is read
// shows in what statx(2) says afterwards.
func (f *version) reread(b []byte, look bool) bool {
	n, errno := sys.ReadCached(f.fd.Number(), b, 0)
	if errno != 0 || n != len(b) {
		return false
	}
	if look {
		return f.unchanged() == web.Same
	}
	st, errno := sys.FstatCached(f.fd.Number())
	return errno == 0 && st == f.st
}

// reopen implements web.Reply.Reopen.
func (f *version) reopen() *ipc.FD {
	fd, st, err := f.root.openCached(f.name)
	if err != nil {
		return nil
	}
	if st != f.st {
		fd.Close()
		return nil
	}
	f.fd = fd
	return fd
}
