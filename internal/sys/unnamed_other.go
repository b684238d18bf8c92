//go:build unix && !linux

package sys

import "syscall"

// UnnamedFile opens a new file that has no name, which only Linux has: ENOSYS.
func UnnamedFile(dir string) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// MemoryFile makes a file in memory, which only Linux has: ENOSYS.
func MemoryFile(name string) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// SealFile makes such a file one that cannot be changed: ENOSYS.
func SealFile(fd int) syscall.Errno { return syscall.ENOSYS }
