//go:build unix && !linux

package sys

import (
	"errors"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Recv receives up to len(b) bytes from a non-blocking socket (read(2)). 0
// bytes and errno 0 are the end of the stream. b must not be empty.
func Recv(fd int, b []byte) (int, syscall.Errno) {
	return retry(func() (int, error) { return unix.Read(fd, b) })
}

// Send sends a first, then b, to a non-blocking socket (write(2)) and returns
// how many bytes of the two the kernel took. More is a hint for Linux.
func Send(fd int, a, b []byte, more bool) (int, syscall.Errno) {
	taken := 0
	for _, part := range [2][]byte{a, b} {
		if len(part) == 0 {
			continue
		}
		n, errno := retry(func() (int, error) { return unix.Write(fd, part) })
		taken += n
		if errno != 0 && taken == 0 {
			return 0, errno
		}
		if n < len(part) {
			break
		}
	}
	return taken, 0
}

// Read reads up to len(b) bytes from a non-blocking descriptor that is no socket,
// as a pipe (read(2)). 0 bytes and errno 0 are the end of file. b must not be
// empty.
func Read(fd int, b []byte) (int, syscall.Errno) { return Recv(fd, b) }

// Write writes b to a non-blocking descriptor that is no socket, as a pipe
// (write(2)), and returns how many bytes were taken. The SIGPIPE that comes with
// EPIPE is ignored by the Go runtime for all but descriptors 1 and 2.
func Write(fd int, b []byte) (int, syscall.Errno) { return Send(fd, b, nil, false) }

// Accept takes one connection from a non-blocking listening socket (accept(2))
// and makes it non-blocking and close-on-exec. The fork lock keeps a child
// started meanwhile from inheriting it.
func Accept(fd int) (conn int, peer netip.AddrPort, errno syscall.Errno) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var sa unix.Sockaddr
	conn, errno = retry(func() (n int, err error) {
		n, sa, err = unix.Accept(fd)
		return n, err
	})
	if errno != 0 {
		return -1, peer, errno
	}
	unix.CloseOnExec(conn)
	if err := unix.SetNonblock(conn, true); err != nil {
		unix.Close(conn)
		return -1, peer, number(err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		peer = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 && ip.IsLinkLocalUnicast() {
			ip = ip.WithZone(strconv.FormatUint(uint64(sa.ZoneId), 10))
		}
		peer = netip.AddrPortFrom(ip, uint16(sa.Port))
	}
	return conn, peer, 0
}

// Sendfile sends up to n bytes of file, from off on, to a non-blocking socket
// and returns how many the kernel took; 0 with errno 0 is the end of the file.
// Not all of these systems have sendfile(2), and those that have disagree on
// it: the bytes go through memory.
func Sendfile(fd, file int, off int64, n int) (int, syscall.Errno) {
	b := make([]byte, min(n, 64<<10))
	got, errno := retry(func() (int, error) { return unix.Pread(file, b, off) })
	if errno != 0 || got == 0 {
		return 0, errno
	}
	return Send(fd, b[:got], nil, false)
}

// Cork does nothing: what these systems have for it they do not do alike.
func Cork(fd int, on bool) {}

// Unacknowledged returns how many bytes that the kernel took for a stream
// socket have not reached the peer; 0, since these systems do not say it alike.
func Unacknowledged(fd int) int { return 0 }

// ShutdownWrite ends the sending direction of a stream (shutdown(2), SHUT_WR).
func ShutdownWrite(fd int) syscall.Errno { return number(unix.Shutdown(fd, unix.SHUT_WR)) }

// Close closes a descriptor whose close does not wait, as a socket without
// SO_LINGER (close(2)). The number is free afterwards in any case.
func Close(fd int) { unix.Close(fd) }

func retry(call func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := call()
		if err == nil {
			return n, 0
		}
		if errno := number(err); errno != syscall.EINTR {
			return 0, errno
		}
	}
}

func number(err error) syscall.Errno {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		return syscall.EINVAL
	}
	return errno
}
