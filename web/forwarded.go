package web

import (
	"bytes"
	"net/netip"
)

// Proxies are the peers whose word is taken for who their client is. The zero
// value trusts none.
type Proxies struct {
	Unix     bool           // whoever connects to a UNIX socket
	Prefixes []netip.Prefix // whoever has an address in one of these; none is of ::ffff:0:0/96
}

// Any reports whether there is a peer that p trusts.
func (p *Proxies) Any() bool { return p.Unix || len(p.Prefixes) > 0 }

// trusts reports whether a peer is among p. The zero AddrPort is a peer on a
// UNIX socket.
func (p *Proxies) trusts(peer netip.AddrPort) bool {
	if !peer.IsValid() {
		return p.Unix
	}
	a := peer.Addr().Unmap().WithZone("")
	for _, prefix := range p.Prefixes {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Client returns who sent the request that came from peer with these fields:
// peer, unless that is trusted, and otherwise the last address in the field
// X-Forwarded-For, or else Forwarded (RFC 7239), that is not trusted, or the
// first when all are. Each proxy appends the address of its own client there, so
// that what stands in front of an untrusted one may be made up. For the same
// reason the search ends at what is no address, as "unknown": the client is then
// the last one that was found, or peer.
//
// Where a request has both fields, X-Forwarded-For counts: a proxy appends to one
// and passes the other on as its client has sent it, and nearly all append to
// this one.
//
// The port is 0 where the field has none. Client allocates nothing.
func (p *Proxies) Client(peer netip.AddrPort, fields []Field) netip.AddrPort {
	if !p.trusts(peer) {
		return peer
	}
	name, next := forwardedFor, lastAddress
	if !contains(fields, name) {
		name, next = forwarded, lastElement
	}
	client := peer
	for i := len(fields) - 1; i >= 0; i-- {
		if !isNamed(&fields[i], name) {
			continue
		}
		// A field without a value is a list with nothing in it.
		for rest, more := fields[i].Value, true; more; {
			var hop netip.AddrPort
			var ok bool
			hop, rest, more, ok = next(rest)
			if !ok {
				return client
			}
			client = hop
			if !p.trusts(hop) {
				return client
			}
		}
	}
	return client
}

var forwardedFor, forwarded = []byte("X-Forwarded-For"), []byte("Forwarded")

func contains(fields []Field, name []byte) bool {
	for i := range fields {
		if isNamed(&fields[i], name) {
			return true
		}
	}
	return false
}

func isNamed(f *Field, name []byte) bool {
	return f.Known == 0 && len(f.Name) == len(name) && bytes.EqualFold(f.Name, name)
}

// lastAddress reads the last element of a list of addresses and returns what
// stands in front of it, if more does.
func lastAddress(list []byte) (hop netip.AddrPort, rest []byte, more, ok bool) {
	comma := bytes.LastIndexByte(list, ',')
	hop, ok = parseNode(trim(list[comma+1:]))
	if comma < 0 {
		return hop, nil, false, ok
	}
	return hop, list[:comma], true, ok
}

// lastElement does so for a list of forwarded-elements (RFC 7239 §4).
//
// It looks for the comma from the end: the proxy's own element is well-formed,
// and what a client has put in front of that, as half a quoted string, must not
// change how it is read.
func lastElement(list []byte) (hop netip.AddrPort, rest []byte, more, ok bool) {
	start, quoted := 0, false
	for i := len(list) - 1; i >= 0; i-- {
		switch c := list[i]; {
		case c == '"' && !(quoted && isEscaped(list, i)):
			quoted = !quoted
		case c == ',' && !quoted:
			start, more = i+1, true
		}
		if more {
			rest = list[:i]
			break
		}
	}
	hop, ok = parseElement(list[start:])
	return hop, rest, more, ok
}

// isEscaped reports whether the octet at b[i] is the second of a quoted-pair: an
// odd number of backslashes stand in front of it.
func isEscaped(b []byte, i int) bool {
	n := 0
	for n < i && b[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// parseElement returns the node of the parameter "for", of which there is one.
func parseElement(element []byte) (hop netip.AddrPort, ok bool) {
	found := false
	for len(element) > 0 {
		var pair []byte
		pair, element = cutPair(element)
		name, value, _ := bytes.Cut(trim(pair), equalsSign)
		if !bytes.EqualFold(name, forName) {
			continue
		}
		if found {
			return netip.AddrPort{}, false // which of them is true?
		}
		found = true
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1] // of an address, no octet need be escaped
		}
		if hop, ok = parseNode(value); !ok {
			return hop, false
		}
	}
	return hop, ok
}

var equalsSign, forName = []byte("="), []byte("for")

// cutPair cuts element at the first semicolon that is not in a quoted-string.
func cutPair(element []byte) (pair, rest []byte) {
	quoted := false
	for i := 0; i < len(element); i++ {
		switch c := element[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ';' && !quoted:
			return element[:i], element[i+1:]
		}
	}
	return element, nil
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }
