package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"xanadu/web"
)

// FuzzParseHead: whatever is accepted, net/http reads in the same way, and the
// result depends neither on what follows nor on where the input is cut.
func FuzzParseHead(f *testing.F) {
	seed := func(head string) {
		if len(head) < 1<<10 { // longer ones only make the fuzzer slow
			f.Add([]byte(head), uint16(len(head)/2))
		}
	}
	for _, test := range accepted {
		seed(test.head)
	}
	for _, test := range refused {
		seed(test.head)
	}
	seed(browserHead)
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		r := new(web.Request)
		n, err := ParseHead(r, b)

		cut := new(web.Request)
		short := b[:min(int(at), len(b))]
		if m, cutErr := ParseHead(cut, short); cutErr == nil {
			if err != nil || m != n || told(cut) != told(r) {
				t.Fatalf("cut at %d: %d, %s; whole: %d, %v, %s", len(short), m, told(cut), n, err, told(r))
			}
		} else if cutErr != ErrMore && cutErr != err || cutErr == ErrMore && err == nil && len(short) >= n {
			t.Fatalf("cut at %d: %v; whole: %d, %v", len(short), cutErr, n, err)
		}
		if err != nil {
			if _, refusal := errors.AsType[*Error](err); err != ErrMore && !refusal || n != 0 {
				t.Fatalf("%d, %v", n, err)
			}
			if err == ErrMore && len(b) >= MaxHead {
				t.Fatalf("ErrMore for %d octets", len(b))
			}
			return
		}
		if n > len(b) || n > MaxHead || len(r.Fields) > MaxFields || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) {
			t.Fatalf("%d of %d octets with %d fields", n, len(b), len(r.Fields))
		}
		secondOpinion(t, r, b[:n])
	})
}

// secondOpinion compares r with what net/http reads in the head. Where the two
// may differ is said here and nowhere else.
func secondOpinion(t *testing.T, r *web.Request, head []byte) {
	// net/http skips no empty lines before the request line.
	head = bytes.TrimLeft(head, "\r\n")
	req, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(head), MaxHead))

	// net/http decodes the path, and refuses what it cannot decode.
	if _, escape := errors.AsType[url.EscapeError](err); escape && bytes.Contains(r.Path, []byte("%")) {
		return
	}
	// net/http reads the field Trailer of chunked content, and refuses some.
	_, trailer := values(r)["Trailer"]
	if err != nil && r.Chunked && trailer {
		return
	}
	if err != nil {
		t.Fatalf("net/http refuses: %v", err)
	}

	length := r.Length
	if r.Chunked {
		length = -1
	}
	if req.Method != string(r.Method) || req.RequestURI != string(r.Target) || req.Host != string(r.Host) ||
		req.ProtoMajor != 1 || min(req.ProtoMinor, 1) != r.Minor || req.ContentLength != length ||
		slices.Equal(req.TransferEncoding, []string{"chunked"}) != r.Chunked || req.Close == r.KeepAlive ||
		(req.URL.RawQuery != "" || req.URL.ForceQuery) != r.HasQuery || req.URL.RawQuery != string(r.Query) {
		t.Fatalf("net/http reads %+v\nwe read %s", req, told(r))
	}
	// An absolute target without a path has an empty one in net/http, which
	// also writes the path of another form than the one received.
	if path := req.URL.EscapedPath(); path != string(r.Path) && path != "" {
		decoded, err := url.PathUnescape(string(r.Path))
		if err != nil || decoded != req.URL.Path {
			t.Fatalf("net/http reads the path %q, we %q", req.URL.Path, r.Path)
		}
	}

	// net/http takes Host and Transfer-Encoding out of its fields, Trailer too
	// before chunked content, and adds Cache-Control for an old Pragma.
	got, want := values(r), map[string][]string(req.Header)
	delete(got, "Host")
	delete(want, "Host")
	delete(got, "Transfer-Encoding")
	if r.Chunked {
		delete(got, "Trailer")
	}
	if _, ok := got["Cache-Control"]; !ok && len(got["Pragma"]) > 0 && got["Pragma"][0] == "no-cache" {
		delete(want, "Cache-Control")
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("net/http reads the fields %q, we %q", want, got)
	}
}

// values returns the values of the fields by canonical name.
func values(r *web.Request) map[string][]string {
	m := map[string][]string{}
	for _, f := range r.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		m[name] = append(m[name], string(f.Value))
	}
	return m
}

// FuzzChunked: whatever is accepted, net/http decodes to the same data and
// ends at the same octet, and no cut changes the result.
func FuzzChunked(f *testing.F) {
	for _, seed := range []string{
		"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nGET", "A;a=b;c=\"d\"\r\n0123456789\r\n0;e\r\nA: b\r\n\r\n",
		"1; a = b\r\nx\r\n0\r\n\r\n", "1 \t;a\r\nx\r\n0\t;b ;c\r\n\r\n", "5 \r\nhello", "ffffffffffffffff\r\n", "0\r\nContent-Length: 5\r\n\r\n", "1\nx\n0\n\n",
	} {
		f.Add([]byte(seed), uint16(len(seed)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		content := string(b)
		data, n, err := decode(content)
		for _, cuts := range [][]int{{min(int(at), len(b))}, slices.Collect(cuts(len(b)))} {
			cutData, cutN, cutErr := decode(content, cuts...)
			if cutData != data || cutN != n || cutErr != err {
				t.Fatalf("cut: %q, %d, %v; whole: %q, %d, %v", cutData, cutN, cutErr, data, n, err)
			}
		}
		if err != io.EOF {
			return
		}
		const head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		content, n = withoutSpace(content, n)
		in := bufio.NewReaderSize(strings.NewReader(head+content), len(head)+len(content)+16)
		req, err := http.ReadRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(req.Body)
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		rest, _ := io.ReadAll(in)
		if data != string(want) || content[n:] != string(rest) {
			t.Fatalf("net/http reads %q with %q behind; we read %q with %q behind", want, rest, data, content[n:])
		}
	})
}

// withoutSpace returns content of n octets without the white space between a
// size and the ";" behind it, which net/http refuses, and how many are left.
func withoutSpace(content string, n int) (string, int) {
	var (
		c    Chunked
		kept []byte
	)
	for i := range n {
		c.Next([]byte{content[i]})
		if c.state != extensionStart {
			kept = append(kept, content[i])
		}
	}
	return string(kept) + content[n:], len(kept)
}
