//go:build unix

package async

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// Notify has the kernel send SIGIO to this process when something happens to fd:
// there is more to read or room to write again, a client has come, the peer has
// gone (fcntl(2), F_SETOWN and O_ASYNC). Stop, or the end of the open file, ends
// it.
//
// The program takes the signal by os/signal, which tells neither the descriptor
// (siginfo's si_fd does not get that far) nor how many signals came: on
//
//	happened := make(chan os.Signal, 1)
//	signal.Notify(happened, syscall.SIGIO)
//
// one waits or none, and after one the program asks all its descriptors who is
// ready. A Go program that does not take SIGIO is not killed by it, but one
// started by it may be.
//
// Sockets, pipes, FIFOs and terminals can do it. What cannot, as a regular file
// or a poller, is errors.ErrUnsupported; Linux itself would say nothing.
func Notify(fd *ipc.FD) error {
	n := fd.Number()
	if _, err := unix.FcntlInt(uintptr(n), unix.F_SETOWN, unix.Getpid()); err != nil {
		return fmt.Errorf("notify of %s: %w", fd, os.NewSyscallError("fcntl", err))
	}
	if err := setAsync(n, true); err != nil {
		return fmt.Errorf("notify of %s: %w", fd, err)
	}
	return nil
}

// Stop ends what Notify began. A signal that is under way still comes.
func Stop(fd *ipc.FD) error {
	if err := setAsync(fd.Number(), false); err != nil {
		return fmt.Errorf("stop to notify of %s: %w", fd, err)
	}
	return nil
}

// setAsync switches O_ASYNC, which belongs to the open file: it holds for every
// duplicate, also in other processes.
func setAsync(fd int, on bool) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	flags &^= unix.O_ASYNC
	if on {
		flags |= unix.O_ASYNC
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	// Linux takes the flag for any file and keeps it for those that can.
	kept, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if on && kept&unix.O_ASYNC == 0 {
		return fmt.Errorf("%w: it is of a kind that gives no signals", errors.ErrUnsupported)
	}
	return nil
}
