//go:build unix

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags open a file for reading without waiting for another process.
const openFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC

// OpenEntry opens what stands under a single name in the open directory dir for
// reading: ELOOP (EMLINK or EFTYPE on other systems than Linux) where that is a
// symbolic link. Whoever must not open a FIFO looks first (Lstatat). The
// descriptor is close-on-exec; the caller owns it.
func OpenEntry(dir int, name string) (int, syscall.Errno) {
	return openAgain(dir, name, openFlags|unix.O_NOFOLLOW)
}

func openAgain(dir int, path string, flags int) (int, syscall.Errno) {
	fd := -1
	errno := again(func() (err error) {
		fd, err = unix.Openat(dir, path, flags, 0)
		return err
	})
	if errno != 0 {
		return -1, errno
	}
	return fd, 0
}
