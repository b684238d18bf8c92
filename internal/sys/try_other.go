//go:build unix && !linux

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The Try functions are for descriptors and flags with which a call returns at
// once. EINTR is the caller's to retry, and n says nothing where errno is not 0.

// TryRead is one read(2) from a descriptor that has O_NONBLOCK. 0 bytes and errno 0
// are the end.
func TryRead(fd int, b []byte) (n uintptr, errno syscall.Errno) { return tried(unix.Read(fd, b)) }

// TryWrite is one write(2) to a descriptor that has O_NONBLOCK. Of the SIGPIPE that
// comes with EPIPE the Go runtime raises only those of descriptors 1 and 2.
func TryWrite(fd int, b []byte) (n uintptr, errno syscall.Errno) { return tried(unix.Write(fd, b)) }

// TryRecv is one recv(2) from a socket, with MSG_DONTWAIT.
func TryRecv(fd int, b []byte) (uintptr, syscall.Errno) {
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
	return tried(n, err)
}

// TrySend is one send(2) to a socket, with MSG_DONTWAIT and MSG_NOSIGNAL.
func TrySend(fd int, b []byte) (uintptr, syscall.Errno) {
	return tried(unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL))
}

func tried(n int, err error) (uintptr, syscall.Errno) { return uintptr(n), number(err) }
