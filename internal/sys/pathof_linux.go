package sys

import (
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// PathOf returns where the open file fd lies, as the kernel would reach it now:
// without links, absolute, " (deleted)" behind a name that is no more (proc(5),
// /proc/pid/fd). ENAMETOOLONG when that is longer than any path that can be
// opened, ENOENT without a /proc.
func PathOf(fd int) (string, syscall.Errno) {
	dir := procFD()
	if dir < 0 {
		return "", unix.ENOENT
	}
	b := make([]byte, unix.PathMax)
	var n int
	errno := again(func() (err error) {
		n, err = unix.Readlinkat(dir, strconv.Itoa(fd), b)
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

// procFD is the directory /proc/self/fd, in which there is a link for each open
// descriptor that leads to what it has open (proc(5)). It stays open: to walk to
// it costs as much as to open a file. -1 without a
// /proc.
var procFD = sync.OnceValue(func() int {
	fd, errno := openAgain(unix.AT_FDCWD, "/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1
	}
	return fd
})

// KeepDescriptors opens the descriptors that this package opens once and keeps,
// for those who count descriptors.
func KeepDescriptors() { procFD() }
