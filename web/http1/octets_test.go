package http1

import (
	"bytes"
	"testing"
)

// TestEnds puts every octet at every place of a word and of what is behind it,
// among octets that pass: eight at a time must find what one at a time does.
func TestEnds(t *testing.T) {
	for _, clean := range []byte{'!', 'a', '~', 0x80, 0xff} {
		for c := range 256 {
			for at := range 21 {
				b := bytes.Repeat([]byte{clean}, 21)
				b[at] = byte(c)
				want := len(b)
				if c < 0x20 || c == 0x7f {
					want = at
				}
				if got := textEnd(b, 0); got != want {
					t.Fatalf("textEnd: %d, want %d for %#x at %d among %#x", got, want, c, at, clean)
				}
				if c == ' ' || c == '#' {
					want = at
				}
				if got := targetEnd(b, 0); got != want {
					t.Fatalf("targetEnd: %d, want %d for %#x at %d among %#x", got, want, c, at, clean)
				}
			}
		}
	}
}

// TestClasses spells the grammar out.
func TestClasses(t *testing.T) {
	const (
		digits  = "0123456789"
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	for class, want := range map[uint8]string{
		tokenOctet:  digits + letters + "!#$%&'*+-.^_`|~",
		hostOctet:   digits + letters + "-._~!$&'()*+,;=",
		digitOctet:  digits,
		hexOctet:    digits + "abcdefABCDEF",
		letterOctet: letters,
	} {
		for c := range 256 {
			if got := is(byte(c), class); got != bytes.Contains([]byte(want), []byte{byte(c)}) {
				t.Errorf("class %#x: %#x is %v", class, c, got)
			}
		}
	}
}
