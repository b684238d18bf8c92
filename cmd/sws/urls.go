package main

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"

	"xanadu/ipc/addr"
)

// urls says where the sockets can be reached: unix:/path, or an http URL of the
// socket's address. One that takes every address is named by those in here, which
// are this host's.
func (s sockets) urls(here []netip.Addr) []string {
	var urls []string
	for _, l := range s {
		for _, url := range urlsOf(l.at, here) {
			if !slices.Contains(urls, url) {
				urls = append(urls, url)
			}
		}
	}
	return urls
}

// urlsOf returns where a can be reached. One socket for every address of the
// host, or for all of one version of IP, is reached at the loopback address and
// at each of those in here.
func urlsOf(a addr.Addr, here []netip.Addr) []string {
	if a.Network().IsUnix() {
		return []string{a.String()}
	}
	at := a.AddrPort().Addr()
	four := a.IsAny() || at == netip.IPv4Unspecified()
	six := a.IsAny() || at == netip.IPv6Unspecified()
	if !four && !six {
		return []string{urlOf(at, a.Port())}
	}
	var urls []string
	for _, host := range slices.Concat([]netip.Addr{loopback4, netip.IPv6Loopback()}, here) {
		if host.Is4() && four || host.Is6() && six {
			if url := urlOf(host, a.Port()); !slices.Contains(urls, url) {
				urls = append(urls, url)
			}
		}
	}
	return urls
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// urlOf writes a percent sign before a zone, which in a URL is itself encoded
// (RFC 6874).
func urlOf(host netip.Addr, port uint16) string {
	authority := strings.Replace(netip.AddrPortFrom(host, port).String(), "%", "%25", 1)
	return "http://" + authority + "/"
}

// hostAddresses returns the addresses of the interfaces that are up, in the order
// in which a person is to read them: those of IPv4 first, and those last that are
// good on one link only.
func hostAddresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		found, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			prefix, ok := f.(*net.IPNet)
			if !ok {
				continue
			}
			a, ok := netip.AddrFromSlice(prefix.IP)
			if !ok {
				continue
			}
			if a = a.Unmap(); a.Is6() && a.IsLinkLocalUnicast() {
				a = a.WithZone(i.Name)
			}
			all = append(all, a)
		}
	}
	rank := func(a netip.Addr) int {
		switch {
		case a.IsLoopback():
			return 0
		case a.IsLinkLocalUnicast():
			return 3
		case a.Is6():
			return 2
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return cmp.Compare(rank(a), rank(b)) })
	return all, nil
}

// preferredAddress returns the address that this host has for others outside of
// its networks, or the zero Addr. To connect a socket of datagrams sends none: it
// chooses the address to send from (udp(7)). The others' addresses are for
// documentation (RFC 5737, RFC 3849).
func preferredAddress() netip.Addr {
	for _, there := range []string{"203.0.113.1:9", "[2001:db8::1]:9"} {
		conn, err := net.Dial("udp", there)
		if err != nil {
			continue
		}
		defer conn.Close()
		if from, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			return from.AddrPort().Addr().Unmap()
		}
	}
	return netip.Addr{}
}
