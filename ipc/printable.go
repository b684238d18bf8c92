package ipc

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable returns a stranger's bytes as text that a terminal does nothing with
// but show it: newlines, tabs and printable UTF-8 are as they were, any other
// byte is \xHH. It is for people; a backslash stays as it is, so it cannot be
// undone.
func Printable(b []byte) string {
	var text strings.Builder
	text.Grow(len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == '\n' || r == '\t' || strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			text.Write(b[:size])
		} else {
			for _, c := range b[:size] {
				fmt.Fprintf(&text, `\x%02x`, c)
			}
		}
		b = b[size:]
	}
	return text.String()
}
