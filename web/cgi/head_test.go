package cgi

import (
	"fmt"
	"strings"
	"testing"
)

// show writes a head as a line.
func show(h *Head) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", h.Final())
	if h.Type != "" {
		fmt.Fprintf(&b, " type=%s", h.Type)
	}
	if h.Location != "" {
		fmt.Fprintf(&b, " location=%s", h.Location)
	}
	if to := h.Redirect(); to != "" {
		fmt.Fprintf(&b, " local=%s", to)
	}
	if h.Length >= 0 {
		fmt.Fprintf(&b, " length=%d", h.Length)
	}
	for _, f := range h.Fields {
		fmt.Fprintf(&b, " %s=%s", f.Name, f.Value)
	}
	return b.String()
}

var heads = []struct {
	name, output string
	want         string // of show; "" with err
	err          error
}{
	{"document", "Content-Type: text/plain\n\nbody", "200 type=text/plain", nil},
	{"CR LF", "Content-Type: text/plain\r\nX-A: b\r\n\r\nbody", "200 type=text/plain X-A=b", nil},
	{"both line ends", "Content-Type: text/plain\r\nX-A: b\n\r\n", "200 type=text/plain X-A=b", nil},
	{"white space around a value", "CONTENT-TYPE:\t text/plain \t\n\n", "200 type=text/plain", nil},
	{"no white space", "content-type:a/b\n\n", "200 type=a/b", nil},
	{"status", "Status: 404 Not here\nContent-Type: a/b\n\n", "404 type=a/b", nil},
	{"status, tab", "Status: 404\tNot Found\nContent-Type: a/b\n\n", "404 type=a/b", nil},
	{"status line", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nbody", "200 type=a/b", nil},
	{"status line, other versions", "HTTP/2 404\nContent-Type: a/b\n\n", "404 type=a/b", nil},
	{"status line, no phrase", "HTTP/1.0 503 \nContent-Type: a/b\n\n", "503 type=a/b", nil},
	{"status line, tab", "HTTP/1.0 503\tBusy\nContent-Type: a/b\n\n", "503 type=a/b", nil},
	{"status line alone", "HTTP/1.1 204 No Content\n\n", "204", nil},
	{"status line and the same status", "HTTP/1.1 404 Not Found\nStatus: 404\nContent-Type: a/b\n\n", "404 type=a/b", nil},
	{"status line of a redirect is for the client", "HTTP/1.1 302 Found\nLocation: /x\n\n", "302 location=/x", nil},
	{"one value twice", "Content-Type: a/b\ncontent-type: \ta/b \nStatus: 404 Not here\nstatus: 404 Not here\nETag: \"a\"\nEtag: \"a\"\n" +
		"Location: http://h/\nLocation: http://h/\nContent-Length: 5\nContent-length: 5\n\nhello", "404 type=a/b location=http://h/ length=5 ETag=\"a\"", nil},
	{"status alone", "Status: 204\n\n", "204", nil},
	{"cookies", "Content-Type: a/b\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n", "200 type=a/b Set-Cookie=a=1 Set-Cookie=b=2", nil},
	{"length", "Content-Type: a/b\nContent-Length: 5\n\nhello", "200 type=a/b length=5", nil},
	{"client redirect", "Location: http://example.com/x#y\n\n", "302 location=http://example.com/x#y", nil},
	{"client redirect with document", "Status: 301\nLocation: http://example.com/\nContent-Type: a/b\n\nx", "301 type=a/b location=http://example.com/", nil},
	{"local redirect", "Location: /x?y=z\n\n", "302 location=/x?y=z local=/x?y=z", nil},
	{"local redirect, two slashes", "Location: //evil/x\n\n", "302 location=//evil/x local=//evil/x", nil},
	{"local with status is for the client", "Status: 303\nLocation: /x\n\n", "303 location=/x", nil},
	{"local with cookie is for the client", "Location: /x\nSet-Cookie: a=1\n\n", "302 location=/x Set-Cookie=a=1", nil},
	{"local with fragment is for the client", "Location: /x#y\n\n", "302 location=/x#y", nil},
	{"local with a space is for the client", "Location: /x y\n\n", "302 location=/x y", nil},
	{"relative is for the client", "Location: x\n\n", "302 location=x", nil},
	{"what concerns the connection is dropped", "Content-Type: a/b\nConnection: keep-alive\nKeep-Alive: 1\n" +
		"Trailer: X\nTE: x\nUpgrade: h2c\nProxy-Connection: x\nDate: x\nServer: x\nX-CGI-Any: x\n\n", "200 type=a/b", nil},
	{"obs-text in a value", "Content-Type: a/b\nX: \xff\xfe\n\n", "200 type=a/b X=\xff\xfe", nil},

	{"nothing said", "X-A: b\n\n", "", errNoMeaning},
	{"empty type", "Content-Type:\n\n", "", errNoMeaning},
	{"empty location", "Location:\n\n", "", errEmptyField},
	{"empty line first", "\nContent-Type: a/b\n\n", "", errNoFields},
	{"no field", "this is not a header\n", "", errFieldName},
	{"no colon", "Content-Type\n\n", "", errUnfinished},
	{"chunked", "Content-Type: a/b\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n", "", errFraming},
	{"chunked, other case", "transfer-ENCODING:Chunked\nContent-Type: a/b\n\n", "", errFraming},
	{"another transfer coding", "Content-Type: a/b\nTransfer-Encoding: gzip, chunked\n\n", "", errFraming},
	{"no transfer coding", "Content-Type: a/b\nTransfer-Encoding: identity\n\n", "", errFraming},
	{"empty transfer coding", "Content-Type: a/b\nTransfer-Encoding:\n\n", "", errFraming},
	{"status line, chunked", "HTTP/1.1 200 OK\nContent-Type: a/b\nTransfer-Encoding: chunked\n\n", "", errFraming},
	{"status line second", "Content-Type: a/b\nHTTP/1.1 200 OK\n\n", "", errFieldName},
	{"two status lines", "HTTP/1.1 200 OK\nHTTP/1.1 200 OK\n\n", "", errFieldName},
	{"status line, informational", "HTTP/1.1 100 Continue\n\n", "", errStatus},
	{"status line without status", "HTTP/1.1\n\n", "", errStatus},
	{"status line without version", "HTTP/ 200 OK\n\n", "", errFieldName},
	{"status line, version no number", "HTTP/x.y 200 OK\n\n", "", errFieldName},
	{"status line, long version", "HTTP/1.10 200 OK\n\n", "", errFieldName},
	{"status line, two spaces", "HTTP/1.1  200 OK\n\n", "", errStatus},
	{"status line, lower case", "http/1.1 200 OK\n\n", "", errFieldName},
	{"status line, bare CR", "HTTP/1.1 200 O\rK\n\n", "", errFieldValue},
	{"status line and another status", "HTTP/1.1 200 OK\nStatus: 404\n\n", "", errTwice},
	{"endless status line", "HTTP/1.1 200 " + strings.Repeat("a", MaxHead), "", errHeadLong},
	{"markup", "<html>\n", "", errFieldName},
	{"space before the colon", "Content-Type : a/b\n\n", "", errFieldName},
	{"empty name", ": x\n\n", "", errFieldName},
	{"folded line", "Content-Type: a/b\n charset=x\n\n", "", errFieldFold},
	{"folded line, tab", "Content-Type: a/b\n\tx\n\n", "", errFieldFold},
	{"bare CR", "Location: /x\rSet-Cookie: a=1\n\n", "", errFieldValue},
	{"CR CR LF", "Content-Type: a/b\r\r\n\r\n", "", errFieldValue},
	{"NUL in a value", "Content-Type: a/b\x00c\n\n", "", errFieldValue},
	{"NUL in a name", "Content\x00-Type: a/b\n\n", "", errFieldName},
	{"DEL", "X: \x7f\n\n", "", errFieldValue},
	{"two statuses", "Status: 200\nstatus: 404\n\n", "", errTwice},
	{"two types", "Content-Type: a/b\nContent-Type: a/c\n\n", "", errTwice},
	{"two lengths", "Content-Type: a/b\nContent-Length: 5\nContent-length: 6\n\n", "", errTwice},
	{"two spellings of a length", "Content-Type: a/b\nContent-Length: 5\nContent-length: 05\n\n", "", errTwice},
	{"two locations", "Location: /x\nLocation: /y\n\n", "", errTwice},
	{"two entity-tags", "Content-Type: a/b\nETag: \"a\"\nEtag: \"b\"\n\n", "", errTwice},
	{"informational status", "Status: 100\n\n", "", errStatus},
	{"switching protocols", "Status: 101 Switching\n\n", "", errStatus},
	{"status out of range", "Status: 600\n\n", "", errStatus},
	{"status of two digits", "Status: 20\n\n", "", errStatus},
	{"status of four digits", "Status: 2000\n\n", "", errStatus},
	{"status no number", "Status: 2x0\n\n", "", errStatus},
	{"status with sign", "Status: +20\n\n", "", errStatus},
	{"empty status", "Status:\n\n", "", errStatus},
	{"length with sign", "Content-Type: a/b\nContent-Length: +5\n\n", "", errLength},
	{"negative length", "Content-Type: a/b\nContent-Length: -5\n\n", "", errLength},
	{"length in hex", "Content-Type: a/b\nContent-Length: 0x5\n\n", "", errLength},
	{"list of lengths", "Content-Type: a/b\nContent-Length: 5, 5\n\n", "", errLength},
	{"length beyond all", "Content-Type: a/b\nContent-Length: 9223372036854775808\n\n", "", errLength},
	{"empty length", "Content-Type: a/b\nContent-Length:\n\n", "", errLength},
	{"64 KiB", strings.Repeat("X: "+strings.Repeat("a", 1021)+"\n", 64) + "\n", "", errHeadLong},
	{"endless line", "X: " + strings.Repeat("a", MaxHead), "", errHeadLong},
	{"endless fields", strings.Repeat("X: y\n", MaxFields+1), "", errManyFields},

	{"nothing", "", "", ErrMore},
	{"no empty line", "Content-Type: a/b\n", "", ErrMore},
	{"half a line", "Content-Ty", "", ErrMore},
	{"CR at the end", "Content-Type: a/b\r", "", ErrMore},
	{"half a status line", "HTTP/1.1 2", "", ErrMore},
	{"CR of the empty line", "Content-Type: a/b\r\n\r", "", ErrMore},
}

func TestParseHead(t *testing.T) {
	for _, c := range heads {
		t.Run(c.name, func(t *testing.T) {
			h, n, err := ParseHead([]byte(c.output))
			if err != c.err {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if got := show(h); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if head := c.output[:n]; !strings.HasSuffix(head, "\n\n") && !strings.HasSuffix(head, "\n\r\n") {
				t.Errorf("the head ends at %q", head)
			}
		})
	}
}

// TestParseHeadInPieces cuts every head at any octet.
func TestParseHeadInPieces(t *testing.T) {
	for _, c := range heads {
		if c.err == nil {
			whole := c.output
			_, n, _ := ParseHead([]byte(whole))
			for i := range n {
				if _, _, err := ParseHead([]byte(whole[:i])); err != ErrMore {
					t.Errorf("%s: after %q: %v, want ErrMore", c.name, whole[:i], err)
				}
			}
		}
	}
}

// TestMaxHead: a head of exactly the bound is taken.
func TestMaxHead(t *testing.T) {
	head := "Content-Type: a/b\nX: "
	head += strings.Repeat("a", MaxHead-len(head)-2) + "\n\n"
	if _, n, err := ParseHead([]byte(head)); n != MaxHead || err != nil {
		t.Errorf("%d octets: %d, %v", len(head), n, err)
	}
	if _, _, err := ParseHead([]byte("X" + head)); err != errHeadLong {
		t.Errorf("one more: %v", err)
	}
}

// FuzzParseHead: what is refused stays refused with more behind it, what is
// taken does not depend on it, and nothing that is taken can break a response.
func FuzzParseHead(f *testing.F) {
	for _, c := range heads {
		if len(c.output) < 1024 {
			f.Add([]byte(c.output), []byte("more\n\n"))
		}
	}
	f.Fuzz(func(t *testing.T, output, more []byte) {
		h, n, err := ParseHead(output)
		h2, n2, err2 := ParseHead(append(output[:len(output):len(output)], more...))
		if err == ErrMore {
			if len(output) >= MaxHead {
				t.Fatalf("%d octets are not enough", len(output))
			}
			return
		}
		if err != nil {
			if err2 == nil || err2 == ErrMore {
				t.Fatalf("%v, but with more behind it %v", err, err2)
			}
			return
		}
		if n > len(output) || n > MaxHead || n2 != n || err2 != nil || show(h) != show(h2) {
			t.Fatalf("%s in %d octets; with more behind it %s in %d, %v", show(h), n, show(h2), n2, err2)
		}
		values := []string{h.Type, h.Location}
		for _, f := range h.Fields {
			key := strings.ToLower(f.Name)
			if dropped[key] || key == "transfer-encoding" || key == "content-length" || strings.IndexFunc(f.Name, func(c rune) bool { return c > 0x7e || !isTokenOctet(byte(c)) }) >= 0 {
				t.Fatalf("the field %q goes to the client", f.Name)
			}
			values = append(values, f.Value)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\x00\r\n\x7f") {
				t.Fatalf("the value %q goes to the client", v)
			}
		}
		if to := h.Redirect(); to != "" && (to[0] != '/' || strings.ContainsAny(to, " \t#")) {
			t.Fatalf("redirect to %q", to)
		}
		if s := h.Final(); s < 200 || s > 599 {
			t.Fatalf("status %d", s)
		}
	})
}
