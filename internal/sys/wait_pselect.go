//go:build freebsd || netbsd

package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Pselect wraps pselect(2), which x/sys lacks: Select with a timeout in
// nanoseconds and, unless it is nil, a mask of the signals blocked meanwhile,
// signal n in bit n-1.
func Pselect(nfds int, read, write, except []FdWord, timeout time.Duration, mask *uint64) (int, syscall.Errno) {
	var until *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(int64(min(timeout, longestWait)))
		until = &ts
	}
	var blocked *[4]uint32 // struct sigset holds 128 signals
	if mask != nil {
		blocked = &[4]uint32{uint32(*mask), uint32(*mask >> 32)}
	}
	n, _, errno := unix.Syscall6(unix.SYS_PSELECT, uintptr(nfds), uintptr(unsafe.Pointer(fdSet(read))),
		uintptr(unsafe.Pointer(fdSet(write))), uintptr(unsafe.Pointer(fdSet(except))),
		uintptr(unsafe.Pointer(until)), uintptr(unsafe.Pointer(blocked)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
