//go:build unix

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ResetOnClose has the close of a socket drop what is still to be sent and, on
// TCP, tell the peer of it by a reset (SO_LINGER with no time, socket(7)).
func ResetOnClose(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// SocketError returns what has gone wrong with a socket since it was last asked,
// or 0 (SO_ERROR, socket(7)).
func SocketError(fd int) syscall.Errno {
	var n int
	errno := again(func() (err error) {
		n, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		return err
	})
	return max(errno, syscall.Errno(n))
}
