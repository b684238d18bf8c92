package http1

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAppendHead(t *testing.T) {
	when := time.Date(1994, 11, 6, 8, 49, 37, 999, time.FixedZone("", 0))
	var b []byte
	b = AppendStatusLine(b, 206)
	b = AppendDateField(b, "Date", when)
	b = AppendField(b, "Content-Type", "text/plain")
	b = AppendField(b, "X", []byte("a\tb\xff"))
	b = AppendIntField(b, "Content-Length", 1<<40)
	b = append(b, EndHead...)
	want := "HTTP/1.1 206 Partial Content\r\n" +
		"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Content-Type: text/plain\r\n" +
		"X: a\tb\xff\r\n" +
		"Content-Length: 1099511627776\r\n" +
		"\r\n"
	if got := string(b); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestStatusText(t *testing.T) {
	// net/http keeps three phrases of RFC 7231 and one that is older.
	changed := map[int]string{413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
	unnamed := map[int]bool{418: true, 510: true} // unused and obsoleted in the registry
	for status := 100; status < 600; status++ {
		want := http.StatusText(status)
		if text, ok := changed[status]; ok {
			want = text
		}
		if unnamed[status] {
			want = ""
		}
		if got := StatusText(status); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
	// The space behind the code stays where there is no phrase (RFC 9112 §4).
	if got, want := string(AppendStatusLine(nil, 299)), "HTTP/1.1 299 \r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAppendFieldKeepsToItsLine: whatever the value, it stays one line.
func TestAppendFieldKeepsToItsLine(t *testing.T) {
	for _, value := range []string{"a\r\nSet-Cookie: x", "\n", "\r", "a\x00b", "\x1b[2J", "\x7f", "0123456789\r\n\r\n<html>"} {
		got := string(AppendField([]byte("before\r\n"), "Location", value))
		clean := strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f {
				return ' '
			}
			return c
		}, value)
		if want := "before\r\nLocation: " + clean + "\r\n"; got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestAppendChunks(t *testing.T) {
	var b []byte
	for _, data := range []string{"hello", strings.Repeat("x", 300), "!"} {
		b = AppendChunkSize(b, len(data))
		b = append(b, data...)
		b = append(b, EndChunk...)
	}
	b = append(b, EndChunks...)
	data, n, _ := decode(string(b))
	if want := "hello" + strings.Repeat("x", 300) + "!"; data != want || n != len(b) {
		t.Errorf("got %q of %d octets, want %q of %d", data, n, want, len(b))
	}
}

func TestAppendPanics(t *testing.T) {
	for name, wrong := range map[string]func(){
		"status of two digits":  func() { AppendStatusLine(nil, 99) },
		"status of four digits": func() { AppendStatusLine(nil, 1000) },
		"empty name":            func() { AppendField(nil, "", "x") },
		"name with a line end":  func() { AppendIntField(nil, "A\r\nB", 1) },
		"name with a colon":     func() { AppendDateField(nil, "A:", time.Time{}) },
		"empty chunk":           func() { AppendChunkSize(nil, 0) },
		"negative chunk":        func() { AppendChunkSize(nil, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "http1: ") {
					t.Errorf("panicked with %q", text)
				}
			}()
			wrong()
		})
	}
}

func TestAppendNoAllocation(t *testing.T) {
	dst := make([]byte, 0, 512)
	now := time.Now()
	location := []byte("/docs/")
	n := testing.AllocsPerRun(100, func() {
		dst = AppendStatusLine(dst[:0], 200)
		dst = AppendDateField(dst, "Date", now)
		dst = AppendField(dst, "Content-Type", "text/html")
		dst = AppendField(dst, "Location", location)
		dst = AppendIntField(dst, "Content-Length", 123456)
		dst = AppendChunkSize(dst, 123456)
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
