package http1

import "bytes"

// validAuthority reports whether a is a host with or without a port, as in the
// field Host: uri-host [ ":" port ] (RFC 9110 §7.2, RFC 3986 §3.2.2). The host
// is not empty. A port may be, and is at most 65535.
//
// Three things of the grammar are refused. Percent-encoding: a name of the DNS
// never needs it, and it would be a second spelling of the same host.
// IPvFuture: there is none. Zones of IPv6: they mean nothing to the other side
// (RFC 6874 §4).
func validAuthority(a []byte) bool {
	end := 0
	if len(a) > 0 && a[0] == '[' {
		end = 1 + bytes.IndexByte(a, ']')
		if end == 0 || !validIPv6(a[1:end-1]) {
			return false
		}
	} else {
		for end < len(a) && is(a[end], hostOctet) {
			end++
		}
		if end == 0 {
			return false
		}
	}
	return end == len(a) || a[end] == ':' && validPort(a[end+1:])
}

func validPort(digits []byte) bool {
	port := 0
	for _, c := range digits {
		port = 10*port + int(c-'0')
		if !is(c, digitOctet) || port > 65535 {
			return false
		}
	}
	return true
}

// validIPv6 reports whether a is an IPv6address: eight groups of one to four
// hexadecimal digits, of which the last two may stand as an IPv4 address and
// one or more may be left out, once, at a double colon.
func validIPv6(a []byte) bool {
	groups, elided, i := 0, false, 0
	if bytes.HasPrefix(a, []byte("::")) {
		elided, i = true, 2
	}
	for i < len(a) {
		start := i
		for i < len(a) && is(a[i], hexOctet) {
			i++
		}
		if i < len(a) && a[i] == '.' {
			if !validIPv4(a[start:]) {
				return false
			}
			groups += 2
			break
		}
		if i == start || i-start > 4 {
			return false
		}
		groups++
		if i == len(a) {
			break
		}
		if a[i] != ':' || i+1 == len(a) {
			return false
		}
		i++
		if a[i] == ':' {
			if elided {
				return false
			}
			elided = true
			i++
		}
	}
	return groups == 8 && !elided || groups < 8 && elided
}

// validIPv4 reports whether a is four numbers up to 255, without leading
// zeros, joined by dots.
func validIPv4(a []byte) bool {
	for part := range 4 {
		if part > 0 {
			if len(a) == 0 || a[0] != '.' {
				return false
			}
			a = a[1:]
		}
		n, number := 0, 0
		for n < len(a) && n < 3 && is(a[n], digitOctet) {
			number = 10*number + int(a[n]-'0')
			n++
		}
		if n == 0 || number > 255 || n > 1 && a[0] == '0' {
			return false
		}
		a = a[n:]
	}
	return len(a) == 0
}
