package sock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
)

// Connect opens a socket for a, connects it and waits until it is connected
// (connect(2)), at most Options.Timeout. For datagrams there is nothing to wait
// for, see ConnectTo. The caller owns the socket, which does not wait from then
// on unless Options says so.
//
// Errors wrap the errno: ECONNREFUSED when nobody listens there, ENOENT when
// the path is not there, ETIMEDOUT, and so on; ErrUnresolved for a host name. On
// error nothing stays open.
func Connect(a addr.Addr, opt *Options) (*ipc.FD, error) {
	if opt == nil {
		opt = new(Options)
	}
	fd, err := connectNew(a, opt)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", a, err)
	}
	return fd, nil
}

func connectNew(a addr.Addr, opt *Options) (fd *ipc.FD, err error) {
	if !a.Network().IsUnix() {
		if err := checkNumeric(a); err != nil {
			return nil, err
		}
	}
	d, t := domainOf(a)
	// While it connects the socket waits or not as suits the way of waiting.
	waits := a.Network().IsUnix() || opt.Blocking && opt.Timeout == 0
	connecting := *opt
	connecting.Blocking = waits
	if fd, err = connecting.tuned(d, t, a.Network(), false); err != nil {
		return nil, err
	}
	var own socketFile
	defer func() {
		if err != nil {
			own.remove()
			fd.Close()
			fd = nil
		}
	}()
	if opt.Local.IsValid() {
		if own, err = bindFile(fd.Number(), opt.Local, opt.file()); err != nil {
			return fd, fmt.Errorf("from %s: %w", opt.Local, err)
		}
	}
	if a.Network().IsUnix() {
		err = connectUnix(fd, a, opt.Timeout)
	} else {
		err = connectInternet(fd.Number(), a, waits, opt.Timeout)
	}
	if err == nil && waits != opt.Blocking {
		err = SetNonblock(fd, !opt.Blocking)
	}
	return fd, err
}

// connectInternet connects a socket that waits or one that does not.
func connectInternet(fd int, a addr.Addr, waits bool, timeout time.Duration) error {
	err := connect(fd, a)
	switch {
	case !errors.Is(err, unix.EINPROGRESS):
		return err
	case waits:
		// As long as SO_SNDTIMEO, one of the caller's options, let it.
		return os.NewSyscallError("connect", unix.ETIMEDOUT)
	}
	return awaitConnect(fd, timeout)
}

// awaitConnect waits until a connection under way has come about or failed, and
// at most timeout, or for ever when it is 0.
func awaitConnect(fd int, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		wait := -1
		if timeout > 0 {
			// poll(2) counts milliseconds in 32 bits; a day is below that.
			left := min(max(time.Until(deadline), 0), 24*time.Hour)
			wait = int(roundUp(left, time.Millisecond) / time.Millisecond)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, wait)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n > 0:
			outcome, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil {
				return os.NewSyscallError("getsockopt", err)
			}
			if outcome != 0 {
				return os.NewSyscallError("connect", syscall.Errno(outcome))
			}
			return nil
		case timeout > 0 && time.Until(deadline) <= 0:
			return os.NewSyscallError("connect", unix.ETIMEDOUT)
		}
	}
}

// connectUnix connects a socket that waits, which it does on Linux while the
// listener's backlog is full. Only connect(2) itself can wait for that.
func connectUnix(fd *ipc.FD, a addr.Addr, timeout time.Duration) error {
	var own time.Duration // of the caller's options
	if timeout > 0 {
		var err error
		if own, err = SO_SNDTIMEO.Get(fd); err != nil {
			return err
		}
		if err := SO_SNDTIMEO.set(fd, timeout); err != nil {
			return err
		}
	}
	err := connect(fd.Number(), a)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return os.NewSyscallError("connect", unix.ETIMEDOUT)
	case err != nil:
		return err
	case timeout > 0:
		return SO_SNDTIMEO.set(fd, own)
	}
	return nil
}
