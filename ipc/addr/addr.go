// Package addr turns text into socket addresses and back. It makes no system
// call: a host name stays a name, and a path is not looked at.
//
// Parse reads an address as a person types it, String prints it, and
// Parse(a.String()) is a again. The forms are
//
//	tcp:HOST:PORT         udp:HOST:PORT
//	unix:PATH             unix-dgram:PATH       unix-seqpacket:PATH
//	unix:@NAME            an abstract name (Linux, unix(7)), in the same three
//	unix:                 no name: binding to it lets Linux choose an abstract one
//	HOST:PORT             short for tcp:HOST:PORT
//
// HOST is 127.0.0.1, [::1], [fe80::1%eth0], a name, or * for every address of
// the host, IPv4 and IPv6 alike; an empty HOST means * too. PORT is 0 to 65535,
// and binding to port 0 lets the system choose.
//
// In a PATH, a NAME and a zone \xHH stands for the byte with that hexadecimal
// number and \\ for a backslash. String writes so the bytes that are not
// printable UTF-8, the backslash, and an @ that begins a PATH. Every other byte
// stands for itself.
//
// Resolving names, and doing anything with an address, is for package sock and
// its callers.
package addr

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Network says which kind of socket an address belongs to.
type Network uint8

const (
	TCP           Network = 1 + iota // a byte stream over IP (tcp(7))
	UDP                              // datagrams over IP (udp(7))
	Unix                             // a byte stream within the host (unix(7), SOCK_STREAM)
	UnixDatagram                     // datagrams within the host (SOCK_DGRAM)
	UnixSeqPacket                    // a stream of records within the host (SOCK_SEQPACKET)
)

// networkNames holds what stands before the first colon, by Network.
var networkNames = [...]string{TCP: "tcp", UDP: "udp", Unix: "unix", UnixDatagram: "unix-dgram", UnixSeqPacket: "unix-seqpacket"}

// String returns the word that begins an address of the network, as "tcp".
func (n Network) String() string {
	if n.valid() {
		return networkNames[n]
	}
	return "no network"
}

// IsUnix reports whether the network's addresses are paths and abstract names.
func (n Network) IsUnix() bool { return n == Unix || n == UnixDatagram || n == UnixSeqPacket }

func (n Network) valid() bool { return n >= TCP && int(n) < len(networkNames) }

// networkOf returns the network that word names.
func networkOf(word string) (Network, bool) {
	for n := TCP; n.valid(); n++ {
		if networkNames[n] == word {
			return n, true
		}
	}
	return 0, false
}

// An Addr names one end of a socket. Addrs are values: == compares them, and
// they can be map keys. The zero Addr names nothing.
type Addr struct {
	network Network
	port    uint16
	ip      netip.Addr // not valid for a host name and for every address
	name    string     // a host name; or a path; or NUL and an abstract name
}

// Internet returns the address ap of n, which is TCP or UDP; Internet panics
// for the others. An AddrPort without an address means every address, as Any.
func Internet(n Network, ap netip.AddrPort) Addr {
	n.mustBe(false, "Internet")
	return Addr{network: n, ip: ap.Addr(), port: ap.Port()}
}

// Any returns the address *:port of n, TCP or UDP: every IPv4 and every IPv6
// address of the host. Any panics for the others.
func Any(n Network, port uint16) Addr {
	n.mustBe(false, "Any")
	return Addr{network: n, port: port}
}

// FromHost returns host at port. The host is one of the forms that Parse takes;
// here an IPv6 address may do without its brackets. FromHost panics unless n is
// TCP or UDP.
func FromHost(n Network, host string, port uint16) (Addr, error) {
	n.mustBe(false, "FromHost")
	a := Addr{network: n, port: port}
	var err error
	switch inner, bracketed := cutBrackets(host); {
	case host == "" || host == "*":
	case bracketed || strings.Contains(host, ":"):
		a.ip, err = parseIPv6(inner)
	default:
		if a.ip, err = netip.ParseAddr(host); err != nil {
			a.name, err = host, checkHostName(host)
		}
	}
	if err != nil {
		return Addr{}, err
	}
	return a, nil
}

// Path returns the address of the socket file at path. The path may hold every
// byte but NUL, and at most as many as the system's sun_path has room for
// (unix(7)): 107 on Linux, 103 elsewhere. Path panics unless n is one of the
// UNIX networks.
func Path(n Network, path string) (Addr, error) {
	n.mustBe(true, "Path")
	switch {
	case path == "":
		return Addr{}, errors.New("the path is empty")
	case strings.Contains(path, "\x00"):
		return Addr{}, errors.New("the path holds a NUL byte")
	case len(path) > maxPathBytes:
		return Addr{}, fmt.Errorf("the path is %d bytes long; a socket's may have %d at most", len(path), maxPathBytes)
	}
	return Addr{network: n, name: path}, nil
}

// Abstract returns the address of an abstract name: one that is in no file
// system and vanishes with its socket. The name may hold every byte, may be
// empty, and has one byte of sun_path less than its array, as a path has. Only
// Linux has such sockets. Abstract panics unless n is one of the UNIX networks.
func Abstract(n Network, name string) (Addr, error) {
	n.mustBe(true, "Abstract")
	if len(name) > maxPathBytes {
		return Addr{}, fmt.Errorf("the abstract name is %d bytes long; it may have %d at most", len(name), maxPathBytes)
	}
	return Addr{network: n, name: "\x00" + name}, nil
}

// Unnamed returns the address of a UNIX socket that is not bound, as one has
// that connected, or that socketpair(2) made. It panics unless n is one of the
// UNIX networks.
func Unnamed(n Network) Addr {
	n.mustBe(true, "Unnamed")
	return Addr{network: n}
}

// mustBe panics when n is not of the family that the called function is for.
func (n Network) mustBe(unix bool, function string) {
	if !n.valid() || n.IsUnix() != unix {
		panic(fmt.Sprintf("addr: %s of %v: not a network it is for", function, n))
	}
}

// Network returns the address's network, 0 for the zero Addr.
func (a Addr) Network() Network { return a.network }

// IsValid reports whether a names anything: false for the zero Addr alone.
func (a Addr) IsValid() bool { return a.network != 0 }

// IsAny reports whether a is *:PORT, every address of the host. The wildcards
// 0.0.0.0 and [::], each of one version of IP, are not.
func (a Addr) IsAny() bool {
	return a.IsValid() && !a.network.IsUnix() && a.name == "" && !a.ip.IsValid()
}

// IsUnnamed reports whether a is of a UNIX network and holds no name.
func (a Addr) IsUnnamed() bool { return a.network.IsUnix() && a.name == "" }

// Host returns the host name that is still to be resolved, or "" when a holds a
// numeric address, is *:PORT, or is of a UNIX network.
func (a Addr) Host() string {
	if a.network.IsUnix() {
		return ""
	}
	return a.name
}

// AddrPort returns the numeric address and the port. Its Addr is not valid when
// a holds a host name, is *:PORT, or is of a UNIX network.
func (a Addr) AddrPort() netip.AddrPort { return netip.AddrPortFrom(a.ip, a.port) }

// Port returns the port, 0 for a UNIX network.
func (a Addr) Port() uint16 { return a.port }

// WithPort returns a with another port. An address of a UNIX network has none
// and is returned as it is.
func (a Addr) WithPort(port uint16) Addr {
	if a.IsValid() && !a.network.IsUnix() {
		a.port = port
	}
	return a
}

// Path returns the path of the socket file, or "" when there is none.
func (a Addr) Path() string {
	if !a.network.IsUnix() || strings.HasPrefix(a.name, "\x00") {
		return ""
	}
	return a.name
}

// Abstract returns the abstract name, which may be empty, and whether there is
// one.
func (a Addr) Abstract() (name string, ok bool) {
	if !a.network.IsUnix() || !strings.HasPrefix(a.name, "\x00") {
		return "", false
	}
	return a.name[1:], true
}
