package ready

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// epoll is epoll(7): the kernel holds the set and the tokens, and a Wait costs
// in proportion to what fired.
type epoll struct {
	waker
	fd     int               // -1 after Close
	events []unix.EpollEvent // for the kernel to fill; as many as dst ever had
}

func newEpoll() (Poller, error) {
	p := &epoll{fd: -1}
	if err := p.waker.open(); err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		p.Close()
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p.fd = fd
	// Edge-triggered, it fires once for each Wake without ever being read.
	if err := p.control(unix.EPOLL_CTL_ADD, p.read, unix.EPOLLIN|unix.EPOLLET, ownToken); err != nil {
		p.Close()
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return p, nil
}

func (p *epoll) Add(fd int, want Event, token uint64) error {
	return p.set("add", unix.EPOLL_CTL_ADD, fd, want, token)
}

func (p *epoll) Modify(fd int, want Event, token uint64) error {
	return p.set("modify", unix.EPOLL_CTL_MOD, fd, want, token)
}

func (p *epoll) set(operation string, op, fd int, want Event, token uint64) error {
	if token == ownToken {
		return callError(operation, fd, "epoll_ctl", unix.EINVAL)
	}
	events := toPoll(want)
	if want&Exclusive != 0 {
		events |= unix.EPOLLEXCLUSIVE
	}
	if err := p.control(op, fd, events, token); err != nil {
		return callError(operation, fd, "epoll_ctl", err)
	}
	return nil
}

func (p *epoll) Remove(fd int) error {
	if err := p.control(unix.EPOLL_CTL_DEL, fd, 0, 0); err != nil {
		return callError("remove", fd, "epoll_ctl", err)
	}
	return nil
}

// Forget leaves it to the kernel, which drops a file with its last descriptor.
func (p *epoll) Forget(fd int) error { return nil }

// control wraps epoll_ctl(2). The token is the event's 64 bits of user data,
// which x/sys splits in two.
func (p *epoll) control(op, fd int, events uint32, token uint64) error {
	return unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(token), Pad: int32(token >> 32)})
}

func (p *epoll) Wait(dst []Fired, timeout time.Duration) (int, error) {
	return p.wait(dst, timeout, nil)
}

// WaitMask implements MaskedPoller by epoll_pwait(2).
func (p *epoll) WaitMask(dst []Fired, timeout time.Duration, mask SignalSet) (int, error) {
	return p.wait(dst, timeout, (*uint64)(&mask))
}

func (p *epoll) wait(dst []Fired, timeout time.Duration, mask *uint64) (int, error) {
	if err := p.usable(dst); err != nil {
		return 0, err
	}
	if len(p.events) < len(dst) {
		p.events = make([]unix.EpollEvent, len(dst))
	}
	n, errno := sys.EpollWait(p.fd, p.events[:len(dst)], timeout, mask)
	if errno != 0 {
		return 0, waitError("epoll_pwait", errno)
	}
	filled := 0
	for i := range p.events[:n] {
		e := &p.events[i]
		token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
		if token == ownToken {
			p.taken()
			continue
		}
		dst[filled] = Fired{token, fromPoll(e.Events)}
		filled++
	}
	return filled, nil
}

func (p *epoll) Close() error {
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
	return p.close()
}
