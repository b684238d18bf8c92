//go:build unix && !linux

package sys

import (
	"fmt"
	"syscall"
)

// BeneathSupported returns an error: no other system has openat2(2).
func BeneathSupported() error { return fmt.Errorf("openat2: %w", syscall.ENOSYS) }

// FindBeneath fails with ENOSYS: no other system has openat2(2).
func FindBeneath(dir int, path string, cached bool) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// FindEntry fails with ENOSYS: no other system has openat2(2).
func FindEntry(dir int, name string, cached bool) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// OpenFound fails with ENOSYS: nothing has been found.
func OpenFound(fd int) (int, syscall.Errno) { return -1, syscall.ENOSYS }

// IdentityCached fails with ENOSYS: no other system has openat2(2).
func IdentityCached(path string) (Identity, syscall.Errno) { return Identity{}, syscall.ENOSYS }

// AncestorsCached fails with ENOSYS: no other system has openat2(2).
func AncestorsCached(dir int, visit func(Identity) (goOn bool)) syscall.Errno { return syscall.ENOSYS }

// IsLocal reports false: it is not known.
func IsLocal(fd int, st *Stat) bool { return false }

// IsLocalCached reports false: it is not known.
func IsLocalCached(st *Stat) bool { return false }
