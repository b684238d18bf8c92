package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SetOwnerThread has the signals of an O_ASYNC descriptor go to one thread of
// the process (fcntl(2), F_SETOWN_EX).
func SetOwnerThread(fd, thread int) syscall.Errno {
	owner := ownerEx{kind: ownerThread, id: int32(thread)}
	_, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner)))
	return errno
}

// ownerEx is struct f_owner_ex.
type ownerEx struct{ kind, id int32 }

const ownerThread = 0 // F_OWNER_TID

// SignalMask blocks or unblocks signals of the calling thread (rt_sigprocmask(2),
// SIG_BLOCK and SIG_UNBLOCK), signal n as bit n-1, and returns which it blocked
// before. It means something only to a goroutine locked to its thread.
func SignalMask(how int, set uint64) (before uint64, errno syscall.Errno) {
	_, _, errno = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(&set)),
		uintptr(unsafe.Pointer(&before)), sigsetSize, 0, 0)
	return before, errno
}

// A SignalInfo is what the kernel says with a signal of an O_ASYNC descriptor
// (sigaction(2), SIGIO).
type SignalInfo struct {
	Signal int
	FD     int // the descriptor under the number that O_ASYNC was set for
	Band   int // poll(2)'s events
}

// Sigtimedwait takes a signal of the set from those that wait for the calling
// thread (rt_sigtimedwait(2)): signal n is bit n-1. The thread must block them
// all. A negative timeout waits for ever. EAGAIN is the timeout, with timeout
// zero the Go scheduler is not told; EINTR is the caller's to judge.
func Sigtimedwait(set uint64, timeout time.Duration) (SignalInfo, syscall.Errno) {
	var info sigpollInfo
	if timeout == 0 {
		var zero unix.Timespec
		_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)),
			uintptr(unsafe.Pointer(&zero)), sigsetSize, 0, 0)
		return info.read(errno)
	}
	var until *unix.Timespec
	if timeout > 0 {
		ts := unix.NsecToTimespec(int64(min(timeout, longestWait)))
		until = &ts
	}
	_, _, errno := syscall.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)),
		uintptr(unsafe.Pointer(until)), sigsetSize, 0, 0)
	return info.read(errno)
}

// sigpollInfo is siginfo_t as SIGIO has it. The rest after the numbers that all
// signals have begins at the alignment of a pointer.
type sigpollInfo struct {
	signal, _, _ int32 // signo, errno, code
	rest         [0]uintptr
	band         int
	fd           int32
	_            [112]byte // 128 in all, or somewhat more
}

func (info *sigpollInfo) read(errno syscall.Errno) (SignalInfo, syscall.Errno) {
	if errno != 0 {
		return SignalInfo{}, errno
	}
	return SignalInfo{int(info.signal), int(info.fd), info.band}, 0
}
