package sys

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EpollWait wraps epoll_pwait(2): it fills events, which must not be empty, and
// returns how many it filled. A negative timeout waits for ever, zero does not
// wait. The Go scheduler is told of waits longer than Brief. A mask that is not nil
// holds the signals blocked meanwhile, signal n in bit n-1. EINTR is the
// caller's to judge.
//
// A finite timeout goes to epoll_pwait2 (Linux 5.11), which takes nanoseconds;
// where that is missing it is rounded up to milliseconds.
func EpollWait(epfd int, events []unix.EpollEvent, timeout time.Duration, mask *uint64) (int, syscall.Errno) {
	first := unsafe.Pointer(unsafe.SliceData(events))
	if timeout == 0 {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(first), uintptr(len(events)),
			0, uintptr(unsafe.Pointer(mask)), sigsetSize)
		return waited(n, errno)
	}
	until := -1
	if timeout > 0 {
		if !noEpollPwait2.Load() {
			n, errno := epollPwait2(epfd, events, timeout, mask)
			// A seccomp filter older than the call answers EPERM.
			if errno != syscall.ENOSYS && errno != syscall.EPERM {
				return n, errno
			}
			noEpollPwait2.Store(true)
		}
		until = milliseconds(timeout)
	}
	if 0 < timeout && timeout <= Brief {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(first), uintptr(len(events)),
			uintptr(until), uintptr(unsafe.Pointer(mask)), sigsetSize)
		return waited(n, errno)
	}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(first), uintptr(len(events)),
		uintptr(until), uintptr(unsafe.Pointer(mask)), sigsetSize)
	return waited(n, errno)
}

// noEpollPwait2 remembers that this kernel refused epoll_pwait2(2).
var noEpollPwait2 atomic.Bool

func epollPwait2(epfd int, events []unix.EpollEvent, timeout time.Duration, mask *uint64) (int, syscall.Errno) {
	// struct __kernel_timespec: 64 bits on every architecture.
	until := struct{ sec, nsec int64 }{int64(timeout / time.Second), int64(timeout % time.Second)}
	if timeout <= Brief {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd),
			uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
			uintptr(unsafe.Pointer(&until)), uintptr(unsafe.Pointer(mask)), sigsetSize)
		return waited(n, errno)
	}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
		uintptr(unsafe.Pointer(&until)), uintptr(unsafe.Pointer(mask)), sigsetSize)
	return waited(n, errno)
}
