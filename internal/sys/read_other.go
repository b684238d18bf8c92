//go:build unix && !linux

package sys

import "syscall"

// ReadCached is Linux's: EOPNOTSUPP.
func ReadCached(fd int, b []byte, off int64) (int, syscall.Errno) { return 0, syscall.EOPNOTSUPP }
