package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NameBytes has room for every socket address (struct sockaddr_storage,
// socket(7)).
const NameBytes = unix.SizeofSockaddrAny + 16

// Bind is bind(2). The name is a socket address as it lies in memory.
func Bind(fd int, name []byte) syscall.Errno {
	for {
		_, _, errno := syscall.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(len(name)))
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// Connect is connect(2). It waits where the socket does. A call that a signal
// interrupts can be repeated on Linux: for TCP it then waits for the handshake
// under way, for a UNIX socket it starts again.
func Connect(fd int, name []byte) syscall.Errno {
	for {
		_, _, errno := syscall.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(len(name)))
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// Accept4 is accept4(2) for every kind of socket. It waits where the socket
// does. It writes the peer's address to name and returns how long that is.
func Accept4(fd int, name []byte, flags int) (conn, size int, errno syscall.Errno) {
	for {
		room := uint32(len(name))
		n, _, errno := syscall.Syscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(name))),
			uintptr(unsafe.Pointer(&room)), uintptr(flags), 0, 0)
		if errno == 0 {
			return int(n), int(min(room, uint32(len(name)))), 0
		}
		if errno != syscall.EINTR {
			return -1, 0, errno
		}
	}
}

// Getsockname is getsockname(2): it writes the socket's own address to name and
// returns how long that is.
func Getsockname(fd int, name []byte) (int, syscall.Errno) {
	return askName(unix.SYS_GETSOCKNAME, fd, name)
}

// Getpeername is getpeername(2), as Getsockname for the other end.
func Getpeername(fd int, name []byte) (int, syscall.Errno) {
	return askName(unix.SYS_GETPEERNAME, fd, name)
}

func askName(call uintptr, fd int, name []byte) (int, syscall.Errno) {
	room := uint32(len(name))
	_, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(unsafe.Pointer(&room)))
	if errno != 0 {
		return 0, errno
	}
	return int(min(room, uint32(len(name)))), 0
}

// Sendto is sendto(2), with an empty name send(2). It waits where the socket
// does.
func Sendto(fd int, b []byte, flags int, name []byte) (int, syscall.Errno) {
	if len(name) == 0 {
		name = nil // an address of no bytes would be a wrong one
	}
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			uintptr(flags), uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(len(name)))
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// Recvfrom is recvfrom(2), with an empty name recv(2). It waits where the socket
// does. It writes the sender's address to name and returns how long that is.
func Recvfrom(fd int, b []byte, flags int, name []byte) (n, size int, errno syscall.Errno) {
	for {
		room := uint32(len(name))
		n, _, errno := syscall.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
			uintptr(flags), uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(unsafe.Pointer(&room)))
		if errno == 0 {
			return int(n), int(min(room, uint32(len(name)))), 0
		}
		if errno != syscall.EINTR {
			return 0, 0, errno
		}
	}
}
