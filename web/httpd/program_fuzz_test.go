package httpd_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"xanadu/web/httpd"
)

// FuzzProgramOutput: whatever a program writes, in whatever pieces, the client
// gets one well-formed response or the end of the connection, and what follows
// on the connection is the answer to what it asks next. The program is cat(1), so
// that the content of a request is the output.
func FuzzProgramOutput(f *testing.F) {
	for _, output := range []string{
		"Content-Type: text/plain\n\nhello",
		"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhello",
		"Content-Type: a/b\nContent-Length: 9\n\nhello",
		"Status: 204\n\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"Status: 304\nContent-Length: 5\n\nhello",
		"Status: 404\n\n",
		"Status: 205\n\nx",
		"Location: /hello.txt\n\n",
		"Location: /cgi-bin/cat\n\n",
		"Location: http://h/\n\nx",
		"Content-Type: a/b\nTransfer-Encoding: chunked\n\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"Content-Type: a/b\nContent-Length: 99999999999999999999\n\n",
		"X: y\n\n",
		"\n",
		"",
	} {
		f.Add([]byte(output), uint16(len(output)/2), true)
		f.Add([]byte(output), uint16(3), false)
	}
	s := play(f, map[string]string{"cat": "exec cat"}, httpd.Options{})
	f.Fuzz(func(t *testing.T, output []byte, cut uint16, minor bool) {
		version := map[bool]string{true: "1.1", false: "1.0"}[minor]
		s := *s.rig
		s.t = t
		c := s.dial()
		defer c.Close()
		first := output[:min(int(cut), len(output))]
		c.write(fmt.Sprintf("POST /cgi-bin/cat HTTP/%s\r\nHost: h\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s", version, len(output), first))
		c.write(string(output[len(first):]) + request("GET", "/hello.txt"))
		c.closeWrite()
		all, err := io.ReadAll(c.Conn)
		if err != nil && (minor || errors.Is(err, os.ErrDeadlineExceeded)) {
			t.Fatalf("%q: %v after %q", output, err, all)
		}
		if err != nil {
			return // cut, as it must be where no length says what is missing
		}
		r := bufio.NewReader(bytes.NewReader(all))
		p, err := http.ReadResponse(r, &http.Request{Method: "POST"})
		if err != nil {
			t.Fatalf("%q: %v: %q", output, err, all)
		}
		if !minor && p.TransferEncoding != nil {
			t.Fatalf("%q: chunks for HTTP/1.0: %q", output, all)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			if r.Buffered() > 0 {
				t.Fatalf("%q: more after the content was cut: %q", output, all)
			}
			return
		}
		redirects := bytes.Contains(bytes.ToLower(output), []byte("location"))
		if p.StatusCode == 200 && !redirects && !bytes.Contains(output, body) {
			t.Fatalf("%q: content %q", output, body)
		}
		next, err := http.ReadResponse(r, nil)
		if err == io.ErrUnexpectedEOF && p.Close {
			return
		}
		if err != nil {
			t.Fatalf("%q: no answer to the next request: %v: %q", output, err, all)
		}
		text, err := io.ReadAll(next.Body)
		if err != nil || string(text) != documents["hello.txt"] || r.Buffered() > 0 || next.StatusCode != 200 {
			t.Fatalf("%q: the next answer is %s %q, %v", output, next.Status, text, err)
		}
	})
}
