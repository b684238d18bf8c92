package http1

import (
	"encoding/binary"
	"math/bits"
)

// Classes of octets.
const (
	tokenOctet  = 1 << iota // tchar (RFC 9110 §5.6.2)
	textOctet               // in a field value: SP, VCHAR, obs-text; HTAB stands apart
	targetOctet             // in a request-target: see parseTarget
	hostOctet               // in a reg-name: unreserved, sub-delims (RFC 3986 §3.2.2)
	digitOctet              // DIGIT
	hexOctet                // HEXDIG in either case
	letterOctet             // ALPHA
	quotedOctet             // qdtext without HTAB (RFC 9110 §5.6.4)
)

var classes = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		if '0' <= c && c <= '9' {
			t[c] |= digitOctet | hexOctet | tokenOctet | hostOctet
		}
		if l := c | 0x20; 'a' <= l && l <= 'z' {
			t[c] |= letterOctet | tokenOctet | hostOctet
			if l <= 'f' {
				t[c] |= hexOctet
			}
		}
		if c >= 0x20 && c != 0x7f {
			t[c] |= textOctet
			if c != ' ' && c != '#' {
				t[c] |= targetOctet
			}
			if c != '"' && c != '\\' {
				t[c] |= quotedOctet
			}
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] |= tokenOctet
	}
	for _, c := range []byte("-._~!$&'()*+,;=") {
		t[c] |= hostOctet
	}
	return t
}()

func is(c byte, class uint8) bool { return classes[c]&class != 0 }

// Eight octets are looked at in one step. With x a word of eight octets, the
// highest bit of an octet of (x - ones*k) &^ x is set where that octet is
// below k, for k up to 128 (Hacker's Delight, 6-1). A borrow can set it in an
// octet above such a one too, so only the lowest bit that is set counts.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// textEnd returns the index of the first octet of b[i:] that is not text,
// HTAB included, or len(b).
func textEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		controls := x - 0x20*ones
		deletes := x ^ 0x7f*ones - ones
		if stop := (controls | deletes) &^ x & highs; stop != 0 {
			return i + bits.TrailingZeros64(stop)/8
		}
	}
	for i < len(b) && is(b[i], textOctet) {
		i++
	}
	return i
}

// targetEnd returns the index of the first octet of b[i:] that no target
// holds, or len(b).
func targetEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		controls := x - 0x21*ones
		deletes := x ^ 0x7f*ones - ones
		fragments := x ^ '#'*ones - ones
		if stop := (controls | deletes | fragments) &^ x & highs; stop != 0 {
			return i + bits.TrailingZeros64(stop)/8
		}
	}
	for i < len(b) && is(b[i], targetOctet) {
		i++
	}
	return i
}

// same reports whether b is the word, whose letters are lower-case, in any
// case of ASCII. It is exact for octets that a token, a field value or a
// target may hold: setting bit 0x20 makes a letter, a digit, "-", "/" or ":"
// of no other of them.
func same(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range len(word) {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// trim returns b without white space around it.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
