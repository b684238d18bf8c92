//go:build unix && !linux

package sys

import "syscall"

// OpenDirectory fails with ENOSYS: no other system has openat2(2).
func OpenDirectory(path string, cached bool) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// OpenDirectoryBeneath fails with ENOSYS: no other system has openat2(2).
func OpenDirectoryBeneath(dir int, path string, cached bool) (int, syscall.Errno) {
	return -1, syscall.ENOSYS
}

// Hold returns the identity of what the path leads to. Without O_PATH what may
// not be read cannot be held: the descriptor is -1.
func Hold(path string) (Identity, int, syscall.Errno) {
	id, errno := IdentityOf(path)
	return id, -1, errno
}
