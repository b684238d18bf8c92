package proc

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// tick is how often a child is asked for that has no pidfd.
const tick = 10 * time.Millisecond

// awaitEnd waits until the child has ended, for ever when timeout is negative,
// and does not reap it (waitid(2), WNOWAIT). A child that has been reaped, here
// or elsewhere, has ended. The caller holds waiting.
func (p *Process) awaitEnd(timeout time.Duration) (bool, error) {
	if p.isDone() {
		return true, nil
	}
	if timeout < 0 {
		return p.waitid(0)
	}
	for deadline := time.Now().Add(timeout); ; {
		if over, err := p.waitid(unix.WNOHANG); over || err != nil {
			return over, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false, nil
		}
		var fds []unix.PollFd
		if p.pidfd != nil {
			fds = []unix.PollFd{{Fd: int32(p.pidfd.Number()), Events: unix.POLLIN}}
		} else {
			left = min(left, tick)
		}
		if _, errno := sys.Poll(fds, left); errno != 0 && errno != syscall.EINTR {
			return false, os.NewSyscallError("ppoll", errno)
		}
	}
}

func (p *Process) waitid(options int) (ended bool, err error) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
		switch err {
		case nil:
			return info.Signo != 0, nil
		case unix.EINTR:
		case unix.ECHILD:
			return true, nil
		default:
			return false, os.NewSyscallError("waitid", err)
		}
	}
}

func (p *Process) peek() (status Status, ended bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return p.status, true, p.err
	}
	end, errno := sys.PeekEnd(p.pid)
	if errno != 0 {
		// Somebody else has reaped it, or SIGCHLD is ignored.
		return Status{}, true, fmt.Errorf("wait for process %d: %w", p.pid, os.NewSyscallError("waitid", errno))
	}
	return Status{Code: end.Code, Signal: end.Signal, CoreDumped: end.CoreDumped}, end.Pid != 0, nil
}
