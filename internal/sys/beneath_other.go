//go:build unix && !linux

package sys

import (
	"fmt"
	"syscall"
)

// BeneathSupported returns an error: no other system has openat2(2).
func BeneathSupported() error { return fmt.Errorf("openat2: %w", syscall.ENOSYS) }

// OpenBeneath fails with ENOSYS: no other system has openat2(2).
func OpenBeneath(dir int, path string) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// StatBeneath fails with ENOSYS: no other system has openat2(2).
func StatBeneath(dir int, path string) (Stat, syscall.Errno) { return Stat{}, syscall.ENOSYS }

// StatCached fails with ENOSYS: no other system has openat2(2).
func StatCached(dir int, path string) (Stat, syscall.Errno) { return Stat{}, syscall.ENOSYS }

// IsLocal reports false: it is not known.
func IsLocal(fd int) bool { return false }
