package sock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc/addr"
)

// domainNames are the domains' names in the manual.
var domainNames = map[Domain]string{
	AF_UNIX: "AF_UNIX", AF_INET: "AF_INET", AF_INET6: "AF_INET6",
	AF_NETLINK: "AF_NETLINK", AF_PACKET: "AF_PACKET", AF_VSOCK: "AF_VSOCK",
}

// Domains of Linux whose addresses package addr has no words for.
const (
	AF_NETLINK Domain = unix.AF_NETLINK // the kernel itself (netlink(7))
	AF_PACKET  Domain = unix.AF_PACKET  // frames of a device (packet(7))
	AF_VSOCK   Domain = unix.AF_VSOCK   // a virtual machine and its host (vsock(7))
)

func bind(fd int, a addr.Addr) error {
	name, err := appendName(make([]byte, 0, sys.NameBytes), fd, a)
	if err != nil {
		return err
	}
	return failed("bind", sys.Bind(fd, name))
}

func connect(fd int, a addr.Addr) error {
	name, err := appendName(make([]byte, 0, sys.NameBytes), fd, a)
	if err != nil {
		return err
	}
	return failed("connect", sys.Connect(fd, name))
}

// accept returns an errno alone as its error. The peer's address is the zero
// Addr where package addr has no words for it.
func accept(fd int, flags, t Type) (int, addr.Addr, error) {
	var room [sys.NameBytes]byte
	n, size, errno := sys.Accept4(fd, room[:], int(flags&SOCK_NONBLOCK)|unix.SOCK_CLOEXEC)
	if errno != 0 {
		return -1, addr.Addr{}, errno
	}
	peer, _ := parseName(room[:size], t)
	return n, peer, nil
}

func getsockname(fd int, t Type) (addr.Addr, error) {
	var room [sys.NameBytes]byte
	size, errno := sys.Getsockname(fd, room[:])
	if errno != 0 {
		return addr.Addr{}, os.NewSyscallError("getsockname", errno)
	}
	return parseName(room[:size], t)
}

func getpeername(fd int, t Type) (addr.Addr, error) {
	var room [sys.NameBytes]byte
	size, errno := sys.Getpeername(fd, room[:])
	if errno != 0 {
		return addr.Addr{}, os.NewSyscallError("getpeername", errno)
	}
	return parseName(room[:size], t)
}

func failed(call string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError(call, errno)
}

// appendName appends a as struct sockaddr_in, sockaddr_in6 or sockaddr_un have
// it (ip(7), ipv6(7), unix(7)). A zone's name is looked up through the socket
// fd (netdevice(7), SIOCGIFINDEX).
func appendName(b []byte, fd int, a addr.Addr) ([]byte, error) {
	if a.Network().IsUnix() {
		b = binary.NativeEndian.AppendUint16(b, unix.AF_UNIX)
		if name, abstract := a.Abstract(); abstract {
			// The length alone ends an abstract name.
			return append(append(b, 0), name...), nil
		}
		if path := a.Path(); path != "" {
			return append(append(b, path...), 0), nil
		}
		return b, nil
	}
	if err := checkNumeric(a); err != nil {
		return nil, err
	}
	ip := a.AddrPort().Addr()
	if ip.Is4() {
		b = binary.NativeEndian.AppendUint16(b, unix.AF_INET)
		b = binary.BigEndian.AppendUint16(b, a.Port())
		b = append(b, ip.AsSlice()...)
		return append(b, make([]byte, 8)...), nil // sin_zero
	}
	zone, err := zoneIndex(fd, ip.Zone())
	if err != nil {
		return nil, err
	}
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	b = binary.BigEndian.AppendUint16(b, a.Port())
	b = binary.NativeEndian.AppendUint32(b, 0) // sin6_flowinfo
	b = append(b, ip.AsSlice()...)
	return binary.NativeEndian.AppendUint32(b, zone), nil
}

func zoneIndex(fd int, zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	request, err := unix.NewIfreq(zone)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return 0, fmt.Errorf("interface %q: %w", zone, os.NewSyscallError("ioctl", err))
	}
	return request.Uint32(), nil
}

// parseName reads a socket address that the kernel wrote for a socket of type
// t. No bytes are the zero Addr, as recvfrom(2) has it for connected streams. A
// zone is a number.
func parseName(b []byte, t Type) (addr.Addr, error) {
	if len(b) == 0 {
		return addr.Addr{}, nil
	}
	if len(b) < 2 {
		return addr.Addr{}, errName
	}
	family := binary.NativeEndian.Uint16(b)
	switch family {
	case unix.AF_UNIX:
		return parseUnixName(b[2:], unixNetwork(t))
	case unix.AF_INET:
		if len(b) < unix.SizeofSockaddrInet4 {
			return addr.Addr{}, errName
		}
		ip := netip.AddrFrom4([4]byte(b[4:]))
		return addr.Internet(internetNetwork(t), netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[2:]))), nil
	case unix.AF_INET6:
		if len(b) < unix.SizeofSockaddrInet6 {
			return addr.Addr{}, errName
		}
		ip := netip.AddrFrom16([16]byte(b[8:]))
		if zone := binary.NativeEndian.Uint32(b[24:]); zone != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(zone), 10))
		}
		return addr.Internet(internetNetwork(t), netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[2:]))), nil
	}
	return addr.Addr{}, fmt.Errorf("an address of %v: %w", Domain(family), errors.ErrUnsupported)
}

func parseUnixName(b []byte, n addr.Network) (addr.Addr, error) {
	switch {
	case len(b) == 0:
		return addr.Unnamed(n), nil
	case b[0] == 0:
		return addr.Abstract(n, string(b[1:]))
	}
	// The kernel counts the NUL behind a path or not, as the binder did.
	path, _, _ := strings.Cut(string(b), "\x00")
	return addr.Path(n, path)
}

var errName = errors.New("the system's socket address is cut short")
