//go:build unix && !linux

package sys

import "syscall"

// OpenDirectory fails with ENOSYS: no other system has openat2(2).
func OpenDirectory(path string, cached bool) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// OpenDirectoryBeneath fails with ENOSYS: no other system has openat2(2).
func OpenDirectoryBeneath(dir int, path string, cached bool) (int, syscall.Errno) {
	return -1, syscall.ENOSYS
}
