package addr

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads an address in one of the forms that the package comment lists.
// The error says what is wrong and what would be right; it quotes text from
// strangers so that a terminal is safe.
func Parse(text string) (Addr, error) {
	a, err := parse(text)
	if err != nil {
		return Addr{}, fmt.Errorf("address %s: %w", quote(text), err)
	}
	return a, nil
}

// MustParse is Parse for addresses that stand in the program; it panics on an
// error.
func MustParse(text string) Addr {
	a, err := Parse(text)
	if err != nil {
		panic("addr: " + err.Error())
	}
	return a
}

func parse(text string) (Addr, error) {
	if word, rest, found := strings.Cut(text, ":"); found {
		n, known := networkOf(word)
		switch {
		case known && n.IsUnix():
			return parseName(n, rest)
		case known:
			return parseHostPort(n, rest)
		}
	}
	return parseHostPort(TCP, text)
}

// parseName reads what follows the colon of a UNIX network.
func parseName(n Network, text string) (Addr, error) {
	if text == "" {
		return Unnamed(n), nil
	}
	name, abstract := strings.CutPrefix(text, "@")
	name, err := unescape(name)
	switch {
	case err != nil:
		return Addr{}, err
	case abstract:
		return Abstract(n, name)
	}
	return Path(n, name)
}

var (
	errNoPort     = errors.New("the port is missing: write HOST:PORT, as localhost:80, [::1]:80 or *:80")
	errNoBrackets = errors.New("an IPv6 address stands in brackets and has a port: write [::1]:80")
	errNoNetwork  = errors.New("no such network: write tcp:HOST:PORT, udp:HOST:PORT, unix:PATH, unix-dgram:PATH or unix-seqpacket:PATH")
)

func parseHostPort(n Network, text string) (Addr, error) {
	if isIPv6(text) {
		return Addr{}, errNoBrackets
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 || colon < strings.LastIndexByte(text, ']') {
		return Addr{}, errNoPort
	}
	host := text[:colon]
	if _, bracketed := cutBrackets(host); !bracketed && strings.Contains(host, ":") {
		if isIPv6(host) || host[0] == '[' {
			return Addr{}, errNoBrackets
		}
		return Addr{}, errNoNetwork
	}
	port, err := ParsePort(text[colon+1:])
	if err != nil {
		return Addr{}, err
	}
	return FromHost(n, host, port)
}

// isIPv6 reports whether text is an IPv6 address without brackets and port.
func isIPv6(text string) bool {
	ip, err := netip.ParseAddr(text)
	return err == nil && ip.Is6()
}

// ParsePort reads a port: decimal digits alone, 0 to 65535.
func ParsePort(text string) (uint16, error) {
	// ParseUint takes no sign, and with a base given no underscore.
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("the port must be 0 to 65535, not %s", quote(text))
	}
	return uint16(port), nil
}

// cutBrackets returns what stands in the brackets around text, or text itself
// and false when it has none.
func cutBrackets(text string) (inner string, bracketed bool) {
	if len(text) >= 2 && text[0] == '[' && text[len(text)-1] == ']' {
		return text[1 : len(text)-1], true
	}
	return text, false
}

// parseIPv6 reads an IPv6 address with or without a zone (RFC 4007 §11). The
// zone is split off first since it may hold escapes.
func parseIPv6(text string) (netip.Addr, error) {
	number, zone, zoned := strings.Cut(text, "%")
	ip, err := netip.ParseAddr(number)
	if err != nil || !ip.Is6() {
		return netip.Addr{}, fmt.Errorf("%s is not an IPv6 address", quote(text))
	}
	if !zoned {
		return ip, nil
	}
	if zone, err = unescape(zone); err != nil {
		return netip.Addr{}, err
	}
	if zone == "" {
		return netip.Addr{}, errors.New("the zone behind % is missing: write the interface's name or number")
	}
	return ip.WithZone(zone), nil
}

// checkHostName refuses what cannot be the name of a host (RFC 1123 §2.1): so
// that a mistyped address is found here and not by asking the world for it. The
// underscore is let through, since names with one are in use.
func checkHostName(host string) error {
	bad := func(why string) error {
		return fmt.Errorf("%s is neither an IP address nor a host name: %s", quote(host), why)
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return bad("it has more than 253 bytes")
	}
	label := ""
	for label = range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return bad("between its dots stand 1 to 63 bytes")
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
				return bad("it may hold letters, digits, hyphens and dots")
			}
		}
	}
	if isNumber(label) {
		return bad("an IPv4 address is four numbers from 0 to 255")
	}
	return nil
}

// isNumber reports whether label, the last of a name, is a number to
// inet_aton(3). No host has such a name, and resolvers make what they like of
// 1.2.3, 256.1.1.1 and 0x7f.1.
func isNumber(label string) bool {
	label = strings.ToLower(label)
	if hex, prefixed := strings.CutPrefix(label, "0x"); prefixed {
		return strings.Trim(hex, hexDigits) == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// String returns a in the form that Parse reads; what a stranger may have put
// into it is printable. The zero Addr is "no address".
func (a Addr) String() string {
	b, err := a.AppendText(nil)
	if err != nil {
		return "no address"
	}
	return string(b)
}

// AppendText appends a.String() to b (encoding.TextAppender). The zero Addr has
// no text and is an error.
func (a Addr) AppendText(b []byte) ([]byte, error) {
	if !a.IsValid() {
		return b, errors.New("addr: the zero Addr has no text")
	}
	b = append(b, a.network.String()...)
	b = append(b, ':')
	if a.network.IsUnix() {
		return a.appendName(b), nil
	}
	switch {
	case a.name != "":
		b = append(b, a.name...)
	case !a.ip.IsValid():
		b = append(b, '*')
	case a.ip.Is4():
		b = a.ip.AppendTo(b)
	default:
		b = append(b, '[')
		b = a.ip.WithZone("").AppendTo(b)
		if zone := a.ip.Zone(); zone != "" {
			b = append(b, '%')
			b = appendEscaped(b, zone)
		}
		b = append(b, ']')
	}
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(a.port), 10), nil
}

func (a Addr) appendName(b []byte) []byte {
	name, abstract := a.Abstract()
	if abstract {
		return appendEscaped(append(b, '@'), name)
	}
	name = a.name
	if strings.HasPrefix(name, "@") {
		b, name = append(b, `\x40`...), name[1:]
	}
	return appendEscaped(b, name)
}

// MarshalText returns a.String() (encoding.TextMarshaler), and no bytes for the
// zero Addr.
func (a Addr) MarshalText() ([]byte, error) {
	if !a.IsValid() {
		return nil, nil
	}
	return a.AppendText(nil)
}

// UnmarshalText is Parse (encoding.TextUnmarshaler), so that an Addr can stand
// in a flag or a settings file. No bytes make the zero Addr.
func (a *Addr) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*a = Addr{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err == nil {
		*a = parsed
	}
	return err
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends s with the escapes that the package comment describes.
func appendEscaped(b []byte, s string) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			b = append(b, `\\`...)
		case strconv.IsPrint(r) && !(r == utf8.RuneError && size == 1):
			b = append(b, s[:size]...)
		default:
			for i := range size {
				b = append(b, '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15])
			}
		}
		s = s[size:]
	}
	return b
}

// unescape undoes appendEscaped. It takes every byte that is not part of an
// escape as it is.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		switch {
		case s[0] != '\\':
			b, s = append(b, s[0]), s[1:]
		case strings.HasPrefix(s, `\\`):
			b, s = append(b, '\\'), s[2:]
		default:
			if len(s) < 4 || s[1] != 'x' {
				return "", errEscape
			}
			// Base 16 with a size in bits takes two hexadecimal digits only:
			// a sign or an underscore is a syntax error.
			c, err := strconv.ParseUint(s[2:4], 16, 8)
			if err != nil {
				return "", errEscape
			}
			b, s = append(b, byte(c)), s[4:]
		}
	}
	return string(b), nil
}

var errEscape = errors.New(`a backslash begins an escape: write \\ for a backslash and \xHH for any byte`)

// maxQuotedBytes bounds how much of a stranger's text an error repeats: room
// for every address that is right, and for a line of a terminal otherwise.
const maxQuotedBytes = 120

// quote returns text in quotes, harmless to a terminal and cut to a bound.
func quote(text string) string {
	if len(text) <= maxQuotedBytes {
		return strconv.Quote(text)
	}
	return strconv.Quote(text[:maxQuotedBytes]) + fmt.Sprintf(" and %d bytes more", len(text)-maxQuotedBytes)
}
