//go:build unix && !linux

package proc

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tick is how often a child is asked for that has no pidfd.
const tick = 10 * time.Millisecond

// awaitEnd waits until the child has ended, for ever when timeout is negative,
// and does not reap it (kqueue(2), EVFILT_PROC). A child that has been reaped,
// here or elsewhere, has ended. The caller holds waiting.
func (p *Process) awaitEnd(timeout time.Duration) (bool, error) {
	if p.isDone() {
		return true, nil
	}
	kq, err := unix.Kqueue() // no child inherits it
	if err != nil {
		return false, os.NewSyscallError("kqueue", err)
	}
	defer unix.Close(kq)
	change := make([]unix.Kevent_t, 1)
	unix.SetKevent(&change[0], p.pid, unix.EVFILT_PROC, unix.EV_ADD)
	change[0].Fflags = unix.NOTE_EXIT
	event := make([]unix.Kevent_t, 1)
	for deadline := time.Now().Add(timeout); ; change = nil {
		var until *unix.Timespec
		if timeout >= 0 {
			ts := unix.NsecToTimespec(max(int64(time.Until(deadline)), 0))
			until = &ts
		}
		n, err := unix.Kevent(kq, change, event, until)
		switch {
		case err == unix.EINTR:
		case err == unix.ESRCH:
			return true, nil // it is a zombie, or none any more
		case err != nil:
			return false, os.NewSyscallError("kevent", err)
		case n == 0:
			return false, nil
		case event[0].Flags&unix.EV_ERROR != 0 && event[0].Data != int64(unix.ESRCH):
			return false, os.NewSyscallError("kevent", unix.Errno(event[0].Data))
		default:
			return true, nil
		}
	}
}

func (p *Process) peek() (Status, bool, error) { return p.TryWait() }
