package ipc

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrnoName returns the manual's name of the errno in err's chain (errno(3)), as
// "EADDRINUSE": what a reader looks up, where the error's text is what it means.
// It is "" when there is none, or none that the system has a name for.
func ErrnoName(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	if errno == unix.EOPNOTSUPP {
		return "EOPNOTSUPP" // on Linux ENOTSUP too, and all that sockets know
	}
	return unix.ErrnoName(errno)
}
