//go:build unix && !linux

package sys

import "golang.org/x/sys/unix"

const getAttributes = unix.TIOCGETA
