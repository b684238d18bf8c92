package httpd_test

import (
	"strings"
	"sync"
	"testing"

	"xanadu/web/httpd"
)

// Who says nothing hears nothing, and the log is not told.
func TestEmptyConnection(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{}, httpd.Options{Poller: poller})
		for _, said := range []string{"", "\r\n", "GET / HTTP/1.1\r\nHost: h\r\n"} {
			c := r.dial()
			c.write(said)
			c.closeWrite()
			c.wantEnd()
		}
		r.dial().Close()
		r.barrier()
		r.log.want(t)
	})
}

// A client that ends its side after the requests gets all the responses.
func TestHalfClosed(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		body := pattern(longSize)
		r := startTCP(t, pages{"/": memory("x"), "/long": file(t, body)}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/nothing") + request("GET", "/long") + strings.Repeat(request("GET", "/"), 100))
		c.closeWrite()
		if p := c.read("GET"); p.status != 404 {
			t.Errorf("%q", p.head)
		}
		c.read("GET").want(t, 200, body)
		for range 100 {
			c.read("GET").want(t, 200, "x")
		}
		c.wantEnd()
	})
}

// Who is refused and goes on sending gets the refusal all the same, not a reset
// in its place.
func TestRefusedWhileSending(t *testing.T) {
	for name, first := range map[string]string{
		"garbage":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"too large": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, poller string) {
				r := startTCP(t, pages{}, httpd.Options{Poller: poller})
				c := r.dial()
				c.write(first)
				var sender sync.WaitGroup
				sender.Go(func() {
					for range 200 {
						c.write(strings.Repeat("x", 1000))
					}
				})
				p := c.read("POST")
				if p.status != 400 && p.status != 413 || p.field("Connection") != "close" {
					t.Errorf("%q", p.head)
				}
				c.wantEnd()
				sender.Wait()
				c.Close()
				line := r.log.await(t, 1)[0].line
				want, _, _ := strings.Cut(first, "\r\n")
				if !strings.HasPrefix(line, want) || strings.Contains(line, "\n") {
					t.Errorf("the log shows %.100q, want %q", line, want)
				}
			})
		})
	}
}

// What is longer than a head may be is refused before it ends.
func TestRefusedForLength(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{}, httpd.Options{Poller: poller})
		long := strings.Repeat("a", 40_000)
		for i, test := range []struct {
			sent   string
			status int
			logged string
		}{
			{"GET /" + long, 414, "GET /" + long[:16<<10-len("GET /")]},
			{"HEAD /" + long, 414, "HEAD /" + long[:16<<10-len("HEAD /")]},
			{long[:20<<10] + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501, long[:16<<10]},
			{long + " / HTTP/1.1\r\nHost: h\r\n\r\n", 400, long[:16<<10]},
			{long[:15<<10] + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501, long[:15<<10] + " / HTTP/1.1"},
			{"GET / HTTP/1.1\r\nHost: h\r\nCookie: " + long, 431, "GET / HTTP/1.1"},
			{"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 600) + "\r\n", 431, "GET / HTTP/1.1"},
		} {
			c := r.dial()
			c.write(test.sent)
			method, _, _ := strings.Cut(test.sent, " ")
			if p := c.read(method); p.status != test.status {
				t.Errorf("%.30q: %q", test.sent, p.head)
			}
			c.wantEnd()
			if rec := r.log.await(t, i+1)[i]; rec.line != test.logged || rec.status != test.status {
				t.Errorf("log: %.100v, want %.100q", rec, test.logged)
			}
		}
	})
}

// The refusal of a HEAD has no content, whatever the request line lacks.
func TestRefusedHead(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{}, httpd.Options{Poller: poller})
		for i, test := range []struct {
			sent   string
			status int
		}{
			{"HEAD / HTTP/1.1\n", 400},
			{"HEAD /  HTTP/1.1\r\n", 400},
			{"HEAD / HTTP/2.0\r\n", 505},
			{"HEAD https://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 421},
			{"HEAD / HTTP/1.1\r\n\r\n", 400},
		} {
			c := r.dial()
			c.write(test.sent)
			if p := c.read("HEAD"); p.status != test.status {
				t.Errorf("%q: %q", test.sent, p.head)
			}
			c.wantEnd()
			if rec := r.log.await(t, i+1)[i]; rec.octets != 0 {
				t.Errorf("%q: log: %v", test.sent, rec)
			}
		}
	})
}

// Content in chunks that has no end is not read for ever.
func TestChunksWithoutEnd(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/": memory("x")}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.read("GET").want(t, 200, "x")
		chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
		sent := 0
		for ; sent < 4<<20; sent += len(chunk) {
			if _, err := c.Write([]byte(chunk)); err != nil {
				break
			}
		}
		if sent >= 4<<20 {
			t.Errorf("%d octets in chunks were taken", sent)
		}
	})
}

// As much as may be passed over is, and the connection goes on.
func TestMostContent(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/": memory("x")}, httpd.Options{Poller: poller})
		c := r.dial()
		for range 3 {
			c.write("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 262144\r\n\r\n" + strings.Repeat("G", 262144))
			c.read("GET").want(t, 200, "x")
		}
		c.get("/").want(t, 200, "x")
	})
}
