package http1

import (
	"io"
	"reflect"
	"strings"
	"testing"
)

// decode decodes content that comes in pieces cut before the given indices. It
// returns the data, how many octets the content takes up, and io.EOF, an
// *Error, or nil when it is not complete.
func decode(content string, cuts ...int) (data string, n int, err error) {
	var (
		c   Chunked
		b   = []byte(content)
		all []byte
	)
	for _, end := range append(cuts, len(b)) {
		for n < end {
			piece, used, err := c.Next(b[n:end])
			all = append(all, piece...)
			n += used
			if err != nil {
				return string(all), n, err
			}
			if used == 0 {
				return string(all), n, io.ErrNoProgress
			}
		}
	}
	return string(all), n, nil
}

func TestChunked(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"empty", "0\r\n\r\n", ""},
		{"plain", "5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"two chunks", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", "hello!"},
		{"lower-case size", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
		{"upper-case size", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
		{"leading zeros", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"},
		{"line ends as data", "4\r\n\r\n0\r\r\n0\r\n\r\n", "\r\n0\r"},
		{"extension", "1;a\r\nx\r\n0;b\r\n\r\n", "x"},
		{"extension with value", "1;a=b;c=d\r\nx\r\n0\r\n\r\n", "x"},
		{"extension with quotes", "1;a=\"b;\\\"\\\\\t=\xff\";c\r\nx\r\n0\r\n\r\n", "x"},
		{"extension with empty quotes", "1;a=\"\"\r\nx\r\n0\r\n\r\n", "x"},
		{"extension with white space", "1; a = b\t; c ;d=\"e\" ;f\r\nx\r\n0\r\n\r\n", "x"},
		{"extension behind a space", "1 ;a\r\nx\r\n0 ;b=c\r\n\r\n", "x"},
		{"extension behind spaces and tabs", "1\t \t;a \t; b\t=\t\"c\"\t;d\r\nx\r\n0\t;e\r\n\r\n", "x"},
		{"white space in front of an extension as long as may be", "1" + strings.Repeat(" ", maxExtension-3) + ";e\r\nx\r\n0\r\n\r\n", "x"},
		{"extensions as many as may be", "1;" + strings.Repeat("e", maxExtension-2) + "\r\nx\r\n0\r\n\r\n", "x"},
		{"trailer", "1\r\nx\r\n0\r\nContent-Length: 63\r\nA:\r\nb: c\td\xff\r\n\r\n", "x"},
		{"trailer as long as it may be", "0\r\nA:" + strings.Repeat("v", maxTrailer-6) + "\r\n\r\n", ""},
		{"trailer after extensions", "0;" + strings.Repeat("e", maxExtension-2) + "\r\nA:" + strings.Repeat("v", maxTrailer-6) + "\r\n\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(rest string, cuts ...int) {
				t.Helper()
				data, n, err := decode(test.content+rest, cuts...)
				if data != test.want || n != len(test.content) || err != io.EOF {
					t.Errorf("cut at %v, %d behind: %q, %d, %v, want %q, %d, EOF", cuts, len(rest), data, n, err, test.want, len(test.content))
				}
			}
			check("")
			check("GET / HTTP/1.1\r\n")
			each := []int{}
			for i := range cuts(len(test.content)) {
				check("0\r\n", i)
				each = append(each, i)
				if data, n, err := decode(test.content[:i]); err != nil || n != i || !strings.HasPrefix(test.want, data) {
					t.Errorf("after %d octets: %q, %d, %v, want all taken and no error", i, data, n, err)
				}
			}
			check("\r\n", each...)
		})
	}
}

func TestChunkedRefuses(t *testing.T) {
	for _, test := range []struct {
		name, content string // as short as it can be
		status        int
	}{
		{"no size", "\r", 400},
		{"only an extension", ";", 400},
		{"not a digit", "G", 400},
		{"digit, then not", "5g", 400},
		{"plus", "+", 400},
		{"minus", "-", 400},
		{"comma", "5,", 400},
		{"hex prefix", "0x", 400},
		{"space before", " ", 400},
		{"space behind", "5 \r", 400},
		{"tab behind", "5\t\r", 400},
		{"LF behind a space", "5 \n", 400},
		{"NUL behind a space", "5 \x00", 400},
		{"digit behind a space", "5 5", 400},
		{"extension name behind a space", "5 a", 400},
		{"vertical tab behind", "5\v", 400},
		{"empty extension behind a space", "5 ; \r", 400},
		{"NUL behind", "5\x00", 400},
		{"LF ends the size", "5\n", 400},
		{"CR ends the size", "5\rh", 400},
		{"two CR", "5\r\r", 400},
		{"2^63", "8000000000000000", 413},
		{"2^64-1", "FFFFFFFFFFFFFFFF", 413},
		{"2^64+5", "10000000000000005", 413},
		{"17 digits", "00000000000000005", 413},
		{"LF after the data", "5\r\nhello\n", 400},
		{"CR after the data", "5\r\nhello\r0", 400},
		{"data longer than its size", "4\r\nhello", 400},
		{"data shorter than its size", "6\r\nhello\r\n", 400},
		{"LF ends the trailer", "0\r\n\n", 400},
		{"CR ends the trailer", "0\r\n\r\r", 400},
		{"CR in an extension", "5;a\rb", 400},
		{"LF in an extension", "5;a\n", 400},
		{"LF in quotes", "5;a=\"\n", 400},
		{"CR in quotes", "5;a=\"\r", 400},
		{"CR behind a backslash", "5;a=\"\\\r", 400},
		{"quotes not closed", "5;a=\"b\r", 400},
		{"empty extension", "5;\r", 400},
		{"two semicolons", "5;;", 400},
		{"extension without name", "5;=", 400},
		{"extension without value", "5;a=\r", 400},
		{"extension name in quotes", "5;\"", 400},
		{"two extension names", "5;a b", 400},
		{"two extension values", "5;a=b c", 400},
		{"two extension values with quotes", "5;a=\"b\"c", 400},
		{"space at the end of an extension name", "5;a \r", 400},
		{"space at the end of an extension value", "5;a=b \r", 400},
		{"extension too long", "5;" + strings.Repeat("e", maxExtension), 400},
		{"white space in front of an extension too long", "5" + strings.Repeat("\t", maxExtension+1), 400},
		{"extensions too many", strings.Repeat("1;e\r\nx\r\n", maxExtension/3) + "1;e\r", 400},
		{"trailer line begins with a space", "0\r\n ", 400},
		{"trailer line folded", "0\r\na: b\r\n\t", 400},
		{"trailer name empty", "0\r\n:", 400},
		{"trailer name not a token", "0\r\na ", 400},
		{"trailer without colon", "0\r\na\r", 400},
		{"trailer value with NUL", "0\r\na: \x00", 400},
		{"trailer value with LF", "0\r\na: b\n", 400},
		{"trailer value with CR", "0\r\na: b\rc", 400},
		{"trailer too long", "0\r\na:" + strings.Repeat("v", maxTrailer-1), 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, n, err := decode(test.content)
			wantStatus(t, err, test.status)
			if n != len(test.content)-1 {
				t.Errorf("refused after %d octets of %d", n, len(test.content))
			}
			for i := range cuts(len(test.content)) {
				if _, _, got := decode(test.content, i); got != err {
					t.Errorf("cut at %d: %v, want %v", i, got, err)
				}
			}
		})
	}
}

func TestChunkedStaysOver(t *testing.T) {
	var c Chunked
	if _, n, err := c.Next([]byte("0\r\n\r\nnext")); n != 5 || err != io.EOF {
		t.Fatalf("Next: %d, %v, want 5, EOF", n, err)
	}
	if data, n, err := c.Next([]byte("5\r\nhello")); data != nil || n != 0 || err != io.EOF {
		t.Errorf("after the end: %q, %d, %v, want EOF", data, n, err)
	}
	c = Chunked{}
	c.Next([]byte("x"))
	data, n, err := c.Next([]byte("0\r\n\r\n"))
	if data != nil || n != 0 {
		t.Errorf("after an error: %q, %d", data, n)
	}
	wantStatus(t, err, 400)
}

// TestChunkedSize: a connection holds one at all times.
func TestChunkedSize(t *testing.T) {
	if size := reflect.TypeFor[Chunked]().Size(); size > 16 {
		t.Errorf("a Chunked takes up %d octets", size)
	}
}

func TestChunkedNoAllocation(t *testing.T) {
	content := []byte("5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\n")
	n := testing.AllocsPerRun(100, func() {
		var c Chunked
		for rest := content; ; {
			_, n, err := c.Next(rest)
			if err != nil {
				break
			}
			rest = rest[n:]
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
