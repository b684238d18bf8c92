package web

import (
	"bytes"
	"net/netip"
)

// parseNode reads an address, perhaps with a port, as both fields have it: IPv6
// in brackets, or bare where no port follows. What RFC 7239 §6 calls unknown and
// obfuscated is no address; an obfuscated port counts as none. An IPv4 address
// in IPv6 is the IPv4 address.
func parseNode(b []byte) (netip.AddrPort, bool) {
	host, port := b, []byte(nil)
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return netip.AddrPort{}, false
		}
		host, port = b[1:end], b[end+1:]
		if len(port) > 0 && port[0] != ':' {
			return netip.AddrPort{}, false
		}
		a, ok := parseIPv6(host)
		if !ok {
			return netip.AddrPort{}, false
		}
		return withPort(a.Unmap(), port)
	}
	if a, ok := parseIPv6(b); ok {
		return netip.AddrPortFrom(a.Unmap(), 0), true
	}
	if colon := bytes.IndexByte(b, ':'); colon >= 0 {
		host, port = b[:colon], b[colon:]
	}
	four, ok := parseIPv4(host)
	if !ok {
		return netip.AddrPort{}, false
	}
	return withPort(netip.AddrFrom4(four), port)
}

// withPort adds a port, which begins with a colon or is empty.
func withPort(a netip.Addr, port []byte) (netip.AddrPort, bool) {
	switch {
	case len(port) == 0, len(port) > 2 && port[1] == '_':
		return netip.AddrPortFrom(a, 0), true
	case len(port) == 1 || len(port) > 6:
		return netip.AddrPort{}, false
	}
	n := 0
	for _, c := range port[1:] {
		if c < '0' || c > '9' {
			return netip.AddrPort{}, false
		}
		n = n*10 + int(c-'0')
	}
	if n > 1<<16-1 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(n)), true
}

// parseIPv4 and parseIPv6 are netip.ParseAddr for octets, which it would have to
// copy, and take no zone.
func parseIPv4(b []byte) (a [4]byte, ok bool) {
	for i := range a {
		if i > 0 {
			if len(b) == 0 || b[0] != '.' {
				return a, false
			}
			b = b[1:]
		}
		n, digits := 0, 0
		for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
			n = n*10 + int(b[digits]-'0')
			if digits++; digits > 3 {
				return a, false
			}
		}
		if digits == 0 || n > 255 || digits > 1 && b[0] == '0' {
			return a, false
		}
		a[i], b = byte(n), b[digits:]
	}
	return a, len(b) == 0
}

func parseIPv6(b []byte) (netip.Addr, bool) {
	var a [16]byte
	n := 0    // octets of a so far
	gap := -1 // where "::" stands in them
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 && n < 16 {
		group, digits := 0, 0
		for digits < len(b) && hexValue(b[digits]) >= 0 {
			group = group<<4 | hexValue(b[digits])
			if digits++; digits > 4 {
				return netip.Addr{}, false
			}
		}
		if digits < len(b) && b[digits] == '.' {
			four, ok := parseIPv4(b)
			if !ok || n > 12 || n < 12 && gap < 0 {
				return netip.Addr{}, false
			}
			copy(a[n:], four[:])
			n, b = n+4, nil
			break
		}
		if digits == 0 {
			return netip.Addr{}, false
		}
		a[n], a[n+1] = byte(group>>8), byte(group)
		n, b = n+2, b[digits:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return netip.Addr{}, false
		}
		b = b[1:]
		if b[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, b = n, b[1:]
		}
	}
	switch {
	case len(b) > 0, gap < 0 && n < 16, gap >= 0 && n == 16:
		return netip.Addr{}, false
	case gap >= 0:
		// What follows the gap goes to the end.
		copy(a[16-(n-gap):], a[gap:n])
		clear(a[gap : 16-(n-gap)])
	}
	return netip.AddrFrom16(a), true
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
