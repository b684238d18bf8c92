package ready

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var (
	errClosed = fmt.Errorf("wait: poller: %w", os.ErrClosed)
	errNoRoom = fmt.Errorf("wait: no room for events: %w", unix.EINVAL)
)

// callError is the error of an operation on fd whose call failed.
func callError(operation string, fd int, call string, err error) error {
	return fmt.Errorf("%s fd %d: %w", operation, fd, os.NewSyscallError(call, err))
}

// waitError is the error of a Wait whose call failed; a signal is none.
func waitError(call string, errno unix.Errno) error {
	if errno == unix.EINTR {
		return nil
	}
	return fmt.Errorf("wait: %w", os.NewSyscallError(call, errno))
}
