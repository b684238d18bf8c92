//go:build unix && !linux

package sys

import "syscall"

// PathOf fails with ENOSYS: it is made of Linux's /proc.
func PathOf(fd int) (string, syscall.Errno) { return "", syscall.ENOSYS }

// KeepDescriptors does nothing: this package keeps none.
func KeepDescriptors() {}
