package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenPath finds what stands under a single name in the directory dir, without
// doing anything to it and without following a link (openat(2), O_PATH and
// O_NOFOLLOW): the descriptor is for Fstat, for Readlinkat with no name when it is a
// link, and as the dir of such calls. It is close-on-exec; the caller owns it.
func OpenPath(dir int, name string) (int, syscall.Errno) {
	fd := -1
	errno := again(func() (err error) {
		fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, errno
}
