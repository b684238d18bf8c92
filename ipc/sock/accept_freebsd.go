package sock

import (
	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// accept returns an errno alone as its error. The peer's address is the zero
// Addr where package addr has no words for it.
func accept(fd int, flags, t Type) (int, addr.Addr, error) {
	for {
		n, name, err := unix.Accept4(fd, int(flags&SOCK_NONBLOCK)|unix.SOCK_CLOEXEC)
		if err == nil {
			peer, _ := readName(name, t)
			return n, peer, nil
		}
		if err != unix.EINTR {
			return -1, addr.Addr{}, err
		}
	}
}
