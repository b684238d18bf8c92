package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The Try functions are for descriptors and flags with which a call surely returns
// at once: the Go scheduler is not told of it. Each is so small that it is compiled
// into its caller, for every frame between a program and the kernel counts: what
// keeps processors from speculating (SRSO, Retbleed) makes each return mispredicted
// once the kernel was entered. So EINTR is the caller's to retry, and n says nothing
// where errno is not 0.

// TryRead is one read(2) from a descriptor that has O_NONBLOCK. 0 bytes and errno 0
// are the end.
func TryRead(fd int, b []byte) (n uintptr, errno syscall.Errno) {
	n, _, errno = syscall.RawSyscall6(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return
}

// TryWrite is one write(2) to a descriptor that has O_NONBLOCK. Of the SIGPIPE that
// comes with EPIPE the Go runtime raises only those of descriptors 1 and 2.
func TryWrite(fd int, b []byte) (n uintptr, errno syscall.Errno) {
	n, _, errno = syscall.RawSyscall6(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return
}

// TryRecv is one recv(2) from a socket, with MSG_DONTWAIT.
func TryRecv(fd int, b []byte) (n uintptr, errno syscall.Errno) {
	n, _, errno = syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return
}

// TrySend is one send(2) to a socket, with MSG_DONTWAIT and MSG_NOSIGNAL.
func TrySend(fd int, b []byte) (n uintptr, errno syscall.Errno) {
	n, _, errno = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return
}
