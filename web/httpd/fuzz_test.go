package httpd_test

import (
	"testing"

	"xanadu/web/httpd"
)

// FuzzConnection sends anything, cut in two anywhere. Whatever it is, the server
// ends the connection soon after the client has ended its side, what it sent is
// a sequence of well-formed responses, and the log tells the same of each of
// them.
func FuzzConnection(f *testing.F) {
	for _, seed := range []string{
		"",
		request("GET", "/a"),
		request("GET", "/a") + request("HEAD", "/long") + request("OPTIONS", "*") + request("GET", "/once?x"),
		"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /file HTTP/1.0\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345" + request("GET", "/a"),
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\n12345\r\n0\r\nX: y\r\n\r\n" + request("GET", "/a"),
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" + request("GET", "/a"),
		"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\nxx",
		"GET /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nxyz",
		"GET /long HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1,5-6,-1\r\n\r\nGET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=1-\r\n\r\n",
		"GET /a HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\nConnection: close\r\n\r\n" + request("GET", "/a"),
		"GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=9-\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\nIf-Match: \"x\"\r\n\r\n",
		"\r\n\r\n\r\n", "\x16\x03\x01", "GET /\nHost: h\n\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HEAD / HTTP/3.0\r\n\r\n",
	} {
		f.Add([]byte(seed), uint(len(seed)/2))
	}
	r := start(f, pages{
		"/a":    memory("a document"),
		"/long": memory(pattern(100_000)),
		"/file": file(f, pattern(300_000)),
		"/once": numbered{}.Answer,
	}, httpd.Options{})
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		r.t = t
		r.log.forget()
		at := int(cut % uint(len(data)+1))
		c := r.dial()
		defer c.Close()
		done := make(chan bool)
		go func() {
			defer close(done)
			c.write(string(data[:at]))
			if at > 0 && at < len(data) {
				r.barrier()
			}
			c.write(string(data[at:]))
			c.closeWrite()
		}()
		all := c.all()
		<-done
		r.barrier()
		if _, err := responses(all, r.log.await(t, 0)); err != nil {
			t.Errorf("%v:\n%.2000q", err, all)
		}
	})
}
