//go:build unix && !linux

package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// domainNames are the domains' names in the manual.
var domainNames = map[Domain]string{AF_UNIX: "AF_UNIX", AF_INET: "AF_INET", AF_INET6: "AF_INET6"}

func bind(fd int, a addr.Addr) error {
	name, err := nameFor(a)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", unix.Bind(fd, name))
}

// connect waits where the socket does. A call that a signal interrupts goes on
// by itself for the Internet, so it is not repeated but waited for.
func connect(fd int, a addr.Addr) error {
	name, err := nameFor(a)
	if err != nil {
		return err
	}
	for {
		err := unix.Connect(fd, name)
		if err != syscall.EINTR {
			return os.NewSyscallError("connect", err)
		}
		if !a.Network().IsUnix() {
			return awaitConnect(fd, 0)
		}
	}
}

func getsockname(fd int, t Type) (addr.Addr, error) {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return addr.Addr{}, os.NewSyscallError("getsockname", err)
	}
	return readName(name, t)
}

func getpeername(fd int, t Type) (addr.Addr, error) {
	name, err := unix.Getpeername(fd)
	if err != nil {
		return addr.Addr{}, os.NewSyscallError("getpeername", err)
	}
	return readName(name, t)
}

// nameFor returns a as x/sys/unix has it. Zones are numbers here.
func nameFor(a addr.Addr) (unix.Sockaddr, error) {
	if a.Network().IsUnix() {
		if _, abstract := a.Abstract(); abstract || a.IsUnnamed() {
			return nil, fmt.Errorf("abstract names: %w: only Linux has them", errors.ErrUnsupported)
		}
		return &unix.SockaddrUnix{Name: a.Path()}, nil
	}
	if err := checkNumeric(a); err != nil {
		return nil, err
	}
	ip, port := a.AddrPort().Addr(), int(a.Port())
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: ip.As4()}, nil
	}
	six := &unix.SockaddrInet6{Port: port, Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("interface %q: %w: write its number", zone, errors.ErrUnsupported)
		}
		six.ZoneId = uint32(n)
	}
	return six, nil
}

// readName reads an address that the kernel gave a socket of type t.
func readName(name unix.Sockaddr, t Type) (addr.Addr, error) {
	switch name := name.(type) {
	case nil:
		return addr.Addr{}, nil
	case *unix.SockaddrUnix:
		if name.Name == "" {
			return addr.Unnamed(unixNetwork(t)), nil
		}
		return addr.Path(unixNetwork(t), name.Name)
	case *unix.SockaddrInet4:
		return addr.Internet(internetNetwork(t), netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))), nil
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(name.Addr)
		if name.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(name.ZoneId), 10))
		}
		return addr.Internet(internetNetwork(t), netip.AddrPortFrom(ip, uint16(name.Port))), nil
	}
	return addr.Addr{}, fmt.Errorf("an address of another domain: %w", errors.ErrUnsupported)
}
