//go:build unix

package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Readlinkat returns what the symbolic link under a name in an open directory
// says (readlinkat(2)): ENAMETOOLONG when that is longer than any path.
func Readlinkat(dir int, name string) (string, syscall.Errno) {
	var text [4096]byte // PATH_MAX, where it is largest
	var n int
	errno := again(func() (err error) {
		n, err = unix.Readlinkat(dir, name, text[:])
		return err
	})
	switch {
	case errno != 0:
		return "", errno
	case n == len(text):
		return "", syscall.ENAMETOOLONG
	}
	return string(text[:n]), 0
}
