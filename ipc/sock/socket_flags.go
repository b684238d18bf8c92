//go:build linux || freebsd || netbsd || openbsd

package sock

import "golang.org/x/sys/unix"

// SOCK_NONBLOCK makes a socket whose calls do not wait (socket(2)).
const SOCK_NONBLOCK Type = unix.SOCK_NONBLOCK

func socket(d Domain, t Type, protocol int) (int, error) {
	return unix.Socket(int(d), int(t)|unix.SOCK_CLOEXEC, protocol)
}

func socketpair(d Domain, t Type, protocol int) ([2]int, error) {
	return unix.Socketpair(int(d), int(t)|unix.SOCK_CLOEXEC, protocol)
}
