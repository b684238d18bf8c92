package sys

import (
	"math"
	"math/bits"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FdWord is the unit of the bit sets of select(2), C's unsigned long of FdBits
// bits: descriptor n is bit n%FdBits of word n/FdBits.
type FdWord = uint

// FdBits is the size of an FdWord.
const FdBits = bits.UintSize

// MaxSelect is how many descriptors a set may hold. Linux knows no FD_SETSIZE:
// it reads as many bits as nfds says.
const MaxSelect = math.MaxInt32

// sigsetSize is the octets of the kernel's sigset_t, which holds 64 signals
// and has the layout of a uint64. MIPS alone has 128 and answers EINVAL.
const sigsetSize = 8

// Poll is poll(2) made as ppoll(2), which every architecture has.
func Poll(fds []unix.PollFd, timeout time.Duration) (int, syscall.Errno) {
	return Ppoll(fds, timeout, nil)
}

// Ppoll wraps ppoll(2): it waits until one of fds is ready and returns how many
// are. A negative timeout waits for ever, zero does not wait. The Go scheduler is
// told of waits longer than Brief. A mask that is not nil holds the signals
// blocked meanwhile, signal n in bit n-1. EINTR is the caller's to judge.
func Ppoll(fds []unix.PollFd, timeout time.Duration, mask *uint64) (int, syscall.Errno) {
	first := unsafe.Pointer(unsafe.SliceData(fds))
	if 0 <= timeout && timeout <= Brief {
		ts := unix.NsecToTimespec(int64(timeout))
		n, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(first), uintptr(len(fds)),
			uintptr(unsafe.Pointer(&ts)), uintptr(unsafe.Pointer(mask)), sigsetSize, 0)
		return waited(n, errno)
	}
	var until *unix.Timespec
	if timeout > 0 {
		ts := unix.NsecToTimespec(int64(min(timeout, longestWait)))
		until = &ts
	}
	n, _, errno := syscall.Syscall6(unix.SYS_PPOLL, uintptr(first), uintptr(len(fds)),
		uintptr(unsafe.Pointer(until)), uintptr(unsafe.Pointer(mask)), sigsetSize, 0)
	return waited(n, errno)
}

// Select is select(2) made as pselect6(2), as the C libraries do: newer
// architectures have no other.
func Select(nfds int, read, write, except []FdWord, timeout time.Duration) (int, syscall.Errno) {
	return Pselect(nfds, read, write, except, timeout, nil)
}

// Pselect wraps pselect6(2). The sets hold at least nfds bits each; the kernel
// leaves in them what is ready, and the count is of their bits. Timeout, mask
// and EINTR are as for Ppoll.
func Pselect(nfds int, read, write, except []FdWord, timeout time.Duration, mask *uint64) (int, syscall.Errno) {
	// The sixth argument is a pointer to the mask and its size (select(2)).
	var sixth *maskAndSize
	if mask != nil {
		sixth = &maskAndSize{mask, sigsetSize}
		defer runtime.KeepAlive(mask)
	}
	r := unsafe.Pointer(unsafe.SliceData(read))
	w := unsafe.Pointer(unsafe.SliceData(write))
	e := unsafe.Pointer(unsafe.SliceData(except))
	if 0 <= timeout && timeout <= Brief {
		ts := unix.NsecToTimespec(int64(timeout))
		n, _, errno := syscall.RawSyscall6(unix.SYS_PSELECT6, uintptr(nfds), uintptr(r), uintptr(w), uintptr(e),
			uintptr(unsafe.Pointer(&ts)), uintptr(unsafe.Pointer(sixth)))
		return waited(n, errno)
	}
	var until *unix.Timespec
	if timeout > 0 {
		ts := unix.NsecToTimespec(int64(min(timeout, longestWait)))
		until = &ts
	}
	n, _, errno := syscall.Syscall6(unix.SYS_PSELECT6, uintptr(nfds), uintptr(r), uintptr(w), uintptr(e),
		uintptr(unsafe.Pointer(until)), uintptr(unsafe.Pointer(sixth)))
	return waited(n, errno)
}

type maskAndSize struct {
	mask *uint64
	size uintptr
}

// waited is a waiting call's result: its count, or 0 and the errno.
func waited(n uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
