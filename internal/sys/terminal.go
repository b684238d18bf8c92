//go:build unix

package sys

import "golang.org/x/sys/unix"

// IsTerminal reports whether fd is a terminal: whether it has the attributes of
// one (tcgetattr(3)).
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, getAttributes)
	return err == nil
}
