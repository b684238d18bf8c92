//go:build darwin || netbsd || openbsd

package sock

import (
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// accept returns an errno alone as its error. The peer's address is the zero
// Addr where package addr has no words for it.
//
// The lock keeps a child started meanwhile from inheriting the new socket. It
// must not be held while waiting for a client, hence the poll(2). Where another
// process is faster than the accept behind it, starting children has to wait
// for the next client: give each process a socket that does not wait.
func accept(fd int, flags, t Type) (int, addr.Addr, error) {
	for {
		n, name, err := acceptOnce(fd, flags)
		if err == nil {
			peer, _ := readName(name, t)
			return n, peer, nil
		}
		if err != unix.EINTR {
			return -1, addr.Addr{}, err
		}
	}
}

func acceptOnce(fd int, flags Type) (n int, name unix.Sockaddr, err error) {
	mode, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return -1, nil, err
	}
	if mode&unix.O_NONBLOCK == 0 {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != nil {
			return -1, nil, err
		}
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if n, name, err = unix.Accept(fd); err != nil {
		return -1, nil, err
	}
	unix.CloseOnExec(n)
	// The BSDs let the new socket inherit O_NONBLOCK.
	if err := unix.SetNonblock(n, flags&SOCK_NONBLOCK != 0); err != nil {
		unix.Close(n)
		return -1, nil, err
	}
	return n, name, nil
}
