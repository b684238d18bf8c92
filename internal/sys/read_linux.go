package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReadCached reads from the file fd at offset off what the kernel has in memory
// (preadv2(2), RWF_NOWAIT, Linux 4.14), at most len(b) octets. It never waits for
// a disk: EAGAIN when nothing is there, EOPNOTSUPP from file systems that cannot
// tell. 0 octets and errno 0 are the end of file.
func ReadCached(fd int, b []byte, off int64) (int, syscall.Errno) {
	vec := unix.Iovec{Base: unsafe.SliceData(b)}
	vec.SetLen(len(b))
	for {
		// The offset is passed as two halves, of which machines of 64 bits take
		// the first for all of it.
		n, _, errno := syscall.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&vec)), 1,
			uintptr(off), uintptr(uint64(off)>>32), unix.RWF_NOWAIT)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}
