//go:build unix && !linux

package sock

import (
	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

func sendto(fd int, b []byte, flags Flags, to addr.Addr) (int, error) {
	var name unix.Sockaddr
	if to.IsValid() {
		var err error
		if name, err = nameFor(to); err != nil {
			return 0, err
		}
	}
	for {
		n, err := unix.SendmsgN(fd, b, nil, name, int(flags|unix.MSG_NOSIGNAL))
		if err != unix.EINTR {
			return n, err
		}
	}
}

func recv(fd int, b []byte, flags Flags) (int, error) {
	n, _, err := recvfrom(fd, b, flags)
	return n, err
}

func recvfrom(fd int, b []byte, flags Flags) (int, addr.Addr, error) {
	for {
		n, name, err := unix.Recvfrom(fd, b, int(flags))
		if err == nil {
			return n, sender(name), nil
		}
		if err != unix.EINTR {
			return 0, addr.Addr{}, err
		}
	}
}

// sender returns the address that a message came from, the zero Addr for none.
func sender(name unix.Sockaddr) addr.Addr {
	a, _ := readName(name, SOCK_DGRAM)
	if a.IsUnnamed() {
		return addr.Addr{}
	}
	return a
}
