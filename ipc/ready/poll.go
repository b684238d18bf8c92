package ready

import (
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// poll is poll(2): an array of descriptors that goes into the kernel whole with
// every Wait, so a Wait costs in proportion to all that are watched.
type poll struct {
	waker
	watched table         // place: the index in fds
	fds     []unix.PollFd // without gaps, in no order; the first is the waker's
	next    int           // where Wait looks first, so that all get their turn
}

func newPoll() (Poller, error) {
	p := &poll{watched: table{call: "poll"}, next: 1}
	if err := p.waker.open(); err != nil {
		return nil, err
	}
	p.fds = []unix.PollFd{{Fd: int32(p.read), Events: unix.POLLIN}}
	return p, nil
}

func (p *poll) Add(fd int, want Event, token uint64) error {
	if p.read < 0 {
		return callError("add", fd, p.watched.call, unix.EBADF)
	}
	w, err := p.watched.add(fd, want, token)
	if err != nil {
		return err
	}
	w.place = int32(len(p.fds))
	p.fds = append(p.fds, unix.PollFd{Fd: int32(fd), Events: int16(toPoll(want))})
	return nil
}

func (p *poll) Modify(fd int, want Event, token uint64) error {
	w, err := p.watched.modify(fd, want, token)
	if err != nil {
		return err
	}
	p.fds[w.place].Events = int16(toPoll(want))
	return nil
}

// Remove fills the gap with the last descriptor.
func (p *poll) Remove(fd int) error {
	was, err := p.watched.remove(fd)
	if err != nil {
		return err
	}
	last := p.fds[len(p.fds)-1]
	p.fds = p.fds[:len(p.fds)-1]
	if int(last.Fd) != fd {
		p.fds[was.place] = last
		p.watched.of(int(last.Fd)).place = was.place
	}
	return nil
}

func (p *poll) Forget(fd int) error { return p.Remove(fd) }

func (p *poll) Wait(dst []Fired, timeout time.Duration) (int, error) {
	if err := p.usable(dst); err != nil {
		return 0, err
	}
	n, errno := sys.Poll(p.fds, timeout)
	return p.answer(dst, n, errno)
}

// answer translates what the call said: the errno, or that n of fds are ready.
func (p *poll) answer(dst []Fired, n int, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, waitError("poll", errno)
	}
	if n > 0 && p.fds[0].Revents != 0 {
		p.drain()
		n--
	}
	filled := 0
	for range p.fds[1:] {
		if n == 0 || filled == len(dst) {
			break
		}
		if p.next >= len(p.fds) {
			p.next = 1
		}
		if found := &p.fds[p.next]; found.Revents != 0 {
			dst[filled] = Fired{p.watched.watch[found.Fd].token, fromPoll(uint32(found.Revents))}
			filled++
			n--
		}
		p.next++
	}
	return filled, nil
}

func (p *poll) Close() error {
	p.fds, p.watched.watch = nil, nil
	return p.close()
}
