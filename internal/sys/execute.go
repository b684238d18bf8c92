//go:build unix

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// MayExecute returns 0 when this process may execute the file that stands under
// a name in the open directory dir, as its effective user (faccessat(2), X_OK
// and AT_EACCESS); EACCES when it may not.
func MayExecute(dir int, name string) syscall.Errno {
	return again(func() error { return unix.Faccessat(dir, name, unix.X_OK, unix.AT_EACCESS) })
}
