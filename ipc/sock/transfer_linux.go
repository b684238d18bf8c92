package sock

import (
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc/addr"
)

// Flags that only Linux has.
const (
	MSG_MORE       Flags = unix.MSG_MORE       // more follows at once
	MSG_ERRQUEUE   Flags = unix.MSG_ERRQUEUE   // receive an error that IP_RECVERR kept
	MSG_WAITFORONE Flags = unix.MSG_WAITFORONE // RecvMany waits for the first message alone
)

func sendto(fd int, b []byte, flags Flags, to addr.Addr) (int, error) {
	var room [sys.NameBytes]byte
	name := room[:0]
	if to.IsValid() {
		var err error
		if name, err = appendName(name, fd, to); err != nil {
			return 0, err
		}
	}
	n, errno := sys.Sendto(fd, b, int(flags|unix.MSG_NOSIGNAL), name)
	return n, plain(errno)
}

func recv(fd int, b []byte, flags Flags) (int, error) {
	n, _, errno := sys.Recvfrom(fd, b, int(flags), nil)
	return n, plain(errno)
}

func recvfrom(fd int, b []byte, flags Flags) (int, addr.Addr, error) {
	var room [sys.NameBytes]byte
	n, size, errno := sys.Recvfrom(fd, b, int(flags), room[:])
	if errno != 0 {
		return 0, addr.Addr{}, errno
	}
	from, _ := parseName(room[:size], SOCK_DGRAM)
	return n, from, nil
}

// plain makes an error of an errno, nil of 0.
func plain(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
