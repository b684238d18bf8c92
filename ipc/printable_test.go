package ipc_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"xanadu/ipc"
)

func TestPrintable(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"a line", "moo\n", "moo\n"},
		{"a tab and a backslash", "a\tb\\n", "a\tb\\n"},
		{"letters of the world", "für 世界 €", "für 世界 €"},
		{"colour", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"back to the left", "right\rwrong", `right\x0dwrong`},
		{"zero, bell, delete", "\x00\a\x7f", `\x00\x07\x7f`},
		{"a control of Latin-1", "\u009b2J", `\xc2\x9b2J`},
		{"text turned round", "\u202edrow", `\xe2\x80\xaedrow`},
		{"no UTF-8", "a\xff\xc3", `a\xff\xc3`},
		{"the mark for no UTF-8", "\ufffd", "\ufffd"},
	} {
		if got := ipc.Printable([]byte(test.in)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add([]byte("moo\n"))
	f.Add([]byte("\x1b]0;title\a\u009b\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text := ipc.Printable(b)
		for _, r := range text {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
				t.Errorf("%q has %U", text, r)
			}
		}
		if again := ipc.Printable([]byte(text)); again != text {
			t.Errorf("%q turns into %q", text, again)
		}
		if strings.Count(text, "\n") != strings.Count(string(b), "\n") {
			t.Errorf("%q has other lines than %q", text, b)
		}
	})
}

// What a peer sends may be made for the terminal rather than for its reader.
func ExamplePrintable() {
	fmt.Println("-->", ipc.Printable([]byte("moo\x1b[2J")))
	// Output: --> moo\x1b[2J
}
