//go:build unix && !linux

package sock

import "golang.org/x/sys/unix"

// tuneAccepted sets what an accepted socket does not have from its listener. No
// manual of these systems promises TCP_NODELAY.
func tuneAccepted(fd int, noDelay bool) error {
	if !noDelay {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}
