package async

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// A Signals takes a thread's real-time signals of descriptors (fcntl(2),
// F_SETSIG). Each says to which descriptor what happened, and they queue, which
// SIGIO does not: a hundred bytes that come one by one are up to a hundred
// signals.
//
// It belongs to the goroutine that opened it, which is locked to its thread
// until Close; its methods panic when another one calls them. The thread blocks
// the signal and SIGIO, and so do the programs that it starts. Beside Notify in
// the same process it may take a SIGIO of that for an overflow, which is
// harmless.
type Signals struct {
	thread int
	signal syscall.Signal
	set    uint64          // signal and SIGIO; bit n-1 is signal n
	added  map[int]*ipc.FD // by the number under which the kernel knows it
}

// OpenSignals begins to take a signal, one of 35 to 64 that the program uses for
// nothing else; the C libraries use those below, which Go leaves to them.
//
// Errors: EINVAL for other signals, EBUSY when the thread blocks the signal or
// SIGIO already, as it does for another Signals.
func OpenSignals(signal syscall.Signal) (*Signals, error) {
	if signal < 35 || signal > 64 {
		return nil, fmt.Errorf("take signal %d: it is not one of 35 to 64: %w", int(signal), unix.EINVAL)
	}
	runtime.LockOSThread()
	s, err := openSignals(signal)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("take signal %d: %w", int(signal), err)
	}
	return s, nil
}

func openSignals(signal syscall.Signal) (*Signals, error) {
	s := &Signals{
		thread: unix.Gettid(),
		signal: signal,
		set:    1<<(signal-1) | 1<<(unix.SIGIO-1),
		added:  make(map[int]*ipc.FD),
	}
	blocked, errno := sys.SignalMask(unix.SIG_BLOCK, 0)
	if errno == 0 && blocked&s.set != 0 {
		return nil, fmt.Errorf("the thread blocks it, or SIGIO, already: %w", unix.EBUSY)
	}
	if errno == 0 {
		_, errno = sys.SignalMask(unix.SIG_BLOCK, s.set)
	}
	if errno != 0 {
		return nil, os.NewSyscallError("rt_sigprocmask", errno)
	}
	return s, nil
}

// Add has the kernel signal what happens to fd, which it borrows until Remove
// or Close. It returns errors.ErrUnsupported for what Notify returns it for, and
// EEXIST when fd was added already. The signals tell the number that the
// descriptor has now: an open file that has O_ASYNC already, by a duplicate,
// goes on telling the number of that.
func (s *Signals) Add(fd *ipc.FD) error {
	if s.added == nil {
		return fmt.Errorf("signal what happens to %s: %w", fd, os.ErrClosed)
	}
	s.own("Add")
	n := fd.Number()
	if s.added[n] == fd {
		return fmt.Errorf("signal what happens to %s: %w", fd, unix.EEXIST)
	}
	if err := s.arm(n); err != nil {
		return fmt.Errorf("signal what happens to %s: %w", fd, err)
	}
	s.added[n] = fd
	return nil
}

// arm sets O_ASYNC last, so that no signal goes astray.
func (s *Signals) arm(fd int) error {
	errno := sys.SetOwnerThread(fd, s.thread)
	if errno != 0 {
		return os.NewSyscallError("fcntl", errno)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, int(s.signal)); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := setAsync(fd, true); err != nil {
		unix.FcntlInt(uintptr(fd), unix.F_SETSIG, 0)
		return err
	}
	return nil
}

// Remove ends the signals of fd. Those that wait are passed over. ENOENT when it
// was not added, or was closed meanwhile, which ends them as well unless the
// file is still open elsewhere.
func (s *Signals) Remove(fd *ipc.FD) error {
	if s.added == nil {
		return fmt.Errorf("end the signals of %s: %w", fd, os.ErrClosed)
	}
	s.own("Remove")
	n := fd.Number()
	if n < 0 || s.added[n] != fd {
		return fmt.Errorf("end the signals of %s: %w", fd, unix.ENOENT)
	}
	delete(s.added, n)
	if err := disarm(n); err != nil {
		return fmt.Errorf("end the signals of %s: %w", fd, err)
	}
	return nil
}

func disarm(fd int) error {
	err := setAsync(fd, false)
	if _, other := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, 0); err == nil {
		err = os.NewSyscallError("fcntl", other)
	}
	return err
}

// Wait takes the signals that wait, or waits for the next one, and returns how
// many entries of dst it filled: 0 after the timeout, after another signal, and
// when those that came were of descriptors that are closed or removed. A
// negative timeout waits for ever and zero not at all; an empty dst is EINVAL.
//
// A signal tells what had happened when it was sent: the state may be another
// one by now, so a call that does not wait is the way to find out. With
// ErrOverflow the entries filled are as good as ever.
func (s *Signals) Wait(dst []Signal, timeout time.Duration) (n int, err error) {
	if s.added == nil {
		return 0, fmt.Errorf("wait for signals: %w", os.ErrClosed)
	}
	s.own("Wait")
	if len(dst) == 0 {
		return 0, fmt.Errorf("wait for signals: no room for them: %w", unix.EINVAL)
	}
	for ; n < len(dst); timeout = 0 {
		info, errno := sys.Sigtimedwait(s.set, timeout)
		switch {
		case errno == unix.EAGAIN || errno == unix.EINTR:
			return n, nil
		case errno != 0:
			return n, fmt.Errorf("wait for signals: %w", os.NewSyscallError("rt_sigtimedwait", errno))
		case info.Signal == int(unix.SIGIO):
			// What the kernel sends when it cannot queue (fcntl(2), F_SETSIG).
			return n, ErrOverflow
		}
		if fd := s.added[info.FD]; fd != nil && fd.Number() == info.FD {
			dst[n] = Signal{fd, Events(info.Band) & (POLLIN | POLLOUT | POLLPRI | POLLERR | POLLHUP)}
			n++
		}
	}
	return n, nil
}

// Close ends the signals of all that was added, passes over those that wait, and
// gives the thread and its signals back. The descriptors stay open. Afterwards all
// methods return os.ErrClosed.
func (s *Signals) Close() error {
	if s.added == nil {
		return fmt.Errorf("close signals: %w", os.ErrClosed)
	}
	s.own("Close")
	for n, fd := range s.added {
		if fd.Number() == n {
			disarm(n)
		}
	}
	s.added = nil
	for {
		if _, errno := sys.Sigtimedwait(s.set, 0); errno == unix.EAGAIN {
			break
		}
	}
	sys.SignalMask(unix.SIG_UNBLOCK, s.set)
	runtime.UnlockOSThread()
	return nil
}

// own panics on another thread than the one that the signals come to.
func (s *Signals) own(method string) {
	if unix.Gettid() != s.thread {
		panic("async: Signals." + method + " by another goroutine than the one that opened it")
	}
}
