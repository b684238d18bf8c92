//go:build unix && !linux

package sys

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FdWord is the unit of the bit sets of select(2), of FdBits bits: descriptor n
// is bit n%FdBits of word n/FdBits. (FreeBSD's words have 64 bits, which in
// memory is the same on its machines.)
type FdWord = uint32

// FdBits is the size of an FdWord.
const FdBits = 32

// MaxSelect is how many descriptors a set may hold.
const MaxSelect = unix.FD_SETSIZE

// Poll wraps poll(2): it waits until one of fds is ready and returns how many
// are. A negative timeout waits for ever, zero does not wait, any other is
// rounded up to milliseconds. EINTR is the caller's to judge.
func Poll(fds []unix.PollFd, timeout time.Duration) (int, syscall.Errno) {
	until := -1
	if timeout >= 0 {
		until = milliseconds(timeout)
	}
	n, err := unix.Poll(fds, until)
	if err != nil {
		return 0, number(err)
	}
	return n, 0
}

// Select wraps select(2). The sets hold MaxSelect bits each; the kernel leaves
// in them what is ready, and the count is of their bits. The timeout is rounded
// up to microseconds, otherwise as for Poll.
func Select(nfds int, read, write, except []FdWord, timeout time.Duration) (int, syscall.Errno) {
	var until *unix.Timeval
	if timeout >= 0 {
		tv := unix.NsecToTimeval(int64(min(timeout, longestWait) + time.Microsecond - 1))
		until = &tv
	}
	n, err := unix.Select(nfds, fdSet(read), fdSet(write), fdSet(except), until)
	if err != nil {
		return 0, number(err)
	}
	return n, 0
}

// fdSet views a set of MaxSelect bits as x/sys names it.
func fdSet(set []FdWord) *unix.FdSet {
	return (*unix.FdSet)(unsafe.Pointer((*[MaxSelect / FdBits]FdWord)(set)))
}
