//go:build unix

package sys

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Local returns the address that a socket is bound to (getsockname(2)), with an
// IPv4 address of a dual-stack socket as IPv4; zero outside the Internet domains
// and for what is no socket.
func Local(fd int) netip.AddrPort {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}
