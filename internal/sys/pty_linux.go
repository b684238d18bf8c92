package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// TerminalPeer opens the other side of a pseudo-terminal's master with open(2)'s
// flags (TIOCGPTPEER, ioctl_tty(2), Linux 4.13). Unlike the name that TIOCGPTN
// leads to, it finds the right one whatever is mounted on /dev/pts.
func TerminalPeer(master, flags int) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, uintptr(flags))
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return -1, errno
		}
	}
}
