package sys

import (
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv receives up to len(b) bytes from a socket without waiting (recv(2),
// MSG_DONTWAIT). 0 bytes and errno 0 are the end of the stream. b must not be
// empty.
func Recv(fd int, b []byte) (int, syscall.Errno) {
	for {
		switch n, errno := TryRecv(fd, b); errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Send sends a first, then b, in one call and without waiting (sendmsg(2),
// MSG_DONTWAIT and MSG_NOSIGNAL), and returns how many bytes of the two the
// kernel took. More tells it that further bytes follow at once (MSG_MORE).
func Send(fd int, a, b []byte, more bool) (int, syscall.Errno) {
	flags := uintptr(unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	if len(b) == 0 {
		return sendto(fd, a, flags)
	}
	if len(a) == 0 {
		return sendto(fd, b, flags)
	}
	vec := [2]unix.Iovec{{Base: unsafe.SliceData(a)}, {Base: unsafe.SliceData(b)}}
	vec[0].SetLen(len(a))
	vec[1].SetLen(len(b))
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(len(vec))
	for {
		n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), flags)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

func sendto(fd int, b []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// Read reads up to len(b) bytes from a non-blocking descriptor that is no socket,
// as a pipe (read(2)). 0 bytes and errno 0 are the end of file. b must not be
// empty.
func Read(fd int, b []byte) (int, syscall.Errno) {
	for {
		switch n, errno := TryRead(fd, b); errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Write writes b to a non-blocking descriptor that is no socket, as a pipe
// (write(2)), and returns how many bytes were taken. The SIGPIPE that comes with
// EPIPE is ignored by the Go runtime for all but descriptors 1 and 2.
func Write(fd int, b []byte) (int, syscall.Errno) {
	for {
		switch n, errno := TryWrite(fd, b); errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Accept takes one connection from a listening socket (accept4(2),
// SOCK_NONBLOCK and SOCK_CLOEXEC). The peer is the zero AddrPort for a socket
// outside the Internet domains; an IPv4 peer of a dual-stack socket is returned
// as IPv4. The listening socket must be non-blocking.
func Accept(fd int) (conn int, peer netip.AddrPort, errno syscall.Errno) {
	var sa unix.RawSockaddrAny
	for {
		size := uint32(unix.SizeofSockaddrAny)
		n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno == 0 {
			return int(n), addrPort(&sa), 0
		}
		if errno != syscall.EINTR {
			return -1, netip.AddrPort{}, errno
		}
	}
}

// addrPort reads a socket address that the kernel wrote (ip(7), ipv6(7)).
func addrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), networkOrder(&in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		ip := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 && ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.FormatUint(uint64(in.Scope_id), 10))
		}
		return netip.AddrPortFrom(ip, networkOrder(&in.Port))
	}
	return netip.AddrPort{}
}

// networkOrder reads a port, which stands in memory in network byte order.
func networkOrder(port *uint16) uint16 {
	p := (*[2]byte)(unsafe.Pointer(port))
	return uint16(p[0])<<8 | uint16(p[1])
}

// Sendfile sends up to n bytes of file, from off on, to a non-blocking socket
// (sendfile(2)) and returns how many the kernel took; 0 with errno 0 is the end
// of the file. It may wait for the disk, so the scheduler is told.
func Sendfile(fd, file int, off int64, n int) (int, syscall.Errno) {
	for {
		sent, err := unix.Sendfile(fd, file, &off, n)
		if err == nil {
			return sent, 0
		}
		if errno := err.(syscall.Errno); errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// Cork has a TCP socket send whole packets only, or again what it has (tcp(7),
// TCP_CORK). Other sockets have no packets and are left alone.
func Cork(fd int, on bool) {
	n := 0
	if on {
		n = 1
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_CORK, n)
}

// Unacknowledged returns how many bytes that the kernel took for a stream
// socket have not reached the peer (SIOCOUTQ, tcp(7), unix(7)); 0 when it
// cannot be said.
func Unacknowledged(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// ShutdownWrite ends the sending direction of a stream (shutdown(2), SHUT_WR).
func ShutdownWrite(fd int) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return errno
}

// Close closes a descriptor whose close does not wait, as a socket without
// SO_LINGER (close(2)). The number is free afterwards in any case.
func Close(fd int) {
	syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
}
