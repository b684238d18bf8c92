package ready

import "golang.org/x/sys/unix"

// A table is what poll and select must remember, where epoll has the kernel do
// it: which descriptors are watched, and under which token. Its index is the
// descriptor's number; numbers are handed out from below, so it is dense, and
// no longer than the limit of open descriptors.
type table struct {
	call  string // for errors: the call it serves
	watch []watch
}

// A watch is one descriptor's entry. The zero watch is nobody.
type watch struct {
	token     uint64
	place     int32 // where the backend keeps its part
	watched   bool
	exclusive bool
}

// ownToken marks the poller's own descriptor in epoll, so no one else has it.
const ownToken = ^uint64(0)

// add enters fd, with the errors of epoll_ctl(2). Its place is the backend's to
// fill in.
func (t *table) add(fd int, want Event, token uint64) (*watch, error) {
	if !isOpen(fd) {
		return nil, callError("add", fd, t.call, unix.EBADF)
	}
	if token == ownToken || want&(Exclusive|Urgent) == Exclusive|Urgent {
		return nil, callError("add", fd, t.call, unix.EINVAL)
	}
	if fd >= len(t.watch) {
		t.watch = append(t.watch, make([]watch, fd+1-len(t.watch))...)
	}
	w := &t.watch[fd]
	if w.watched {
		return nil, callError("add", fd, t.call, unix.EEXIST)
	}
	*w = watch{token: token, watched: true, exclusive: want&Exclusive != 0}
	return w, nil
}

// modify gives fd another token.
func (t *table) modify(fd int, want Event, token uint64) (*watch, error) {
	w := t.of(fd)
	if w == nil {
		return nil, callError("modify", fd, t.call, unix.ENOENT)
	}
	if w.exclusive || want&Exclusive != 0 || token == ownToken {
		return nil, callError("modify", fd, t.call, unix.EINVAL)
	}
	w.token = token
	return w, nil
}

// remove drops fd and returns what its entry was.
func (t *table) remove(fd int) (watch, error) {
	w := t.of(fd)
	if w == nil {
		return watch{}, callError("remove", fd, t.call, unix.ENOENT)
	}
	was := *w
	*w = watch{}
	return was, nil
}

// of returns fd's entry, or nil when it is not watched.
func (t *table) of(fd int) *watch {
	if fd < 0 || fd >= len(t.watch) || !t.watch[fd].watched {
		return nil
	}
	return &t.watch[fd]
}

// isOpen asks for the descriptor's flags, the cheapest question about it.
func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
