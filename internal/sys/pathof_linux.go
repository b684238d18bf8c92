package sys

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// PathOf returns where the open file fd lies, as the kernel would reach it now:
// without links, absolute, " (deleted)" behind a name that is no more (proc(5),
// /proc/pid/fd). ENAMETOOLONG when that is longer than any path that can be
// opened, ENOENT without a /proc.
func PathOf(fd int) (string, syscall.Errno) {
	link := "/proc/self/fd/" + strconv.Itoa(fd)
	b := make([]byte, unix.PathMax)
	var n int
	errno := again(func() (err error) {
		n, err = unix.Readlink(link, b)
		return err
	})
	switch {
	case errno != 0:
		return "", errno
	case n == len(b):
		return "", syscall.ENAMETOOLONG
	}
	return string(b[:n]), 0
}
