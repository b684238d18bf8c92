package httpd_test

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/web/httpd"
)

// short is the shortest time that a loop can measure.
const short = 100 * time.Millisecond

// hurried are options with short times all over.
func hurried(poller string) httpd.Options {
	return httpd.Options{Poller: poller, IdleTimeout: short, HeadTimeout: short, ContentTimeout: short, ReplyTimeout: short}
}

// What takes too long comes to its end, each in its own way.
func TestTimeouts(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		var all sync.WaitGroup
		defer all.Wait()
		for _, f := range []func(*testing.T, string){
			silence, halfHead, trickledHead, lonelyLineEnd, missingContent, trickledContent, stuckReader, slowReader,
		} {
			all.Go(func() { f(t, poller) })
		}
	})
}

// Who has nothing to say, from the start or after a response, hears nothing.
func silence(t *testing.T, poller string) {
	r := start(t, pages{"/": memory("x")}, hurried(poller))
	began := time.Now()
	c, d := r.dial(), r.dial()
	d.get("/")
	c.wantEnd()
	d.wantEnd()
	if time.Since(began) < short-10*time.Millisecond { // as exact as a tick allows
		t.Errorf("idle connections were closed after %v", time.Since(began))
	}
	r.log.want(t, `"GET / HTTP/1.1" 200 1`)
}

// A head that does not end is answered, and the log shows what there was of it.
func halfHead(t *testing.T, poller string) {
	r := start(t, pages{}, hurried(poller))
	for i, part := range []struct{ sent, method, logged string }{
		{"GET /half", "GET", `"GET /half" 408 `},
		{"GET / HTTP/1.1\r\nHost:", "GET", `"GET / HTTP/1.1" 408 `},
		{"HEAD / HTTP/1.1\r\n", "HEAD", `"HEAD / HTTP/1.1" 408 0`},
	} {
		c := r.dial()
		c.write(part.sent)
		p := c.read(part.method)
		if p.status != 408 || p.field("Connection") != "close" {
			t.Errorf("%q was answered %q", part.sent, p.head)
		}
		c.wantEnd()
		if got := r.log.await(t, i+1)[i].String(); !strings.HasPrefix(got, part.logged) {
			t.Errorf("log: %s, want %s", got, part.logged)
		}
	}
}

// No octet buys time for a head.
func trickledHead(t *testing.T, poller string) {
	r := start(t, pages{}, hurried(poller))
	c := r.dial()
	began := time.Now()
	go func() {
		for range 100 {
			if _, err := io.WriteString(c, "G"); err != nil || time.Since(began) > patience/2 {
				return
			}
			time.Sleep(short / 8)
		}
	}()
	if p := c.read("GET"); p.status != 408 {
		t.Errorf("a trickled head was answered %q", p.head)
	}
	if since := time.Since(began); since > 10*short {
		t.Errorf("a trickled head had %v", since)
	}
}

// Line ends alone are no request that could be answered.
func lonelyLineEnd(t *testing.T, poller string) {
	r := start(t, pages{}, hurried(poller))
	c := r.dial()
	c.write("\r\n\r\n")
	c.wantEnd()
	r.log.want(t)
}

// The response has gone out; only the content after it is missing.
func missingContent(t *testing.T, poller string) {
	r := start(t, pages{"/": memory("x")}, hurried(poller))
	for _, framing := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		c := r.dial()
		c.write("GET / HTTP/1.1\r\nHost: h\r\n" + framing + "\r\n\r\n1\r\nx")
		c.read("GET").want(t, 200, "x")
		c.wantEnd()
	}
	r.log.want(t, `"GET / HTTP/1.1" 200 1`, `"GET / HTTP/1.1" 200 1`)
}

// No octet buys time for content either.
func trickledContent(t *testing.T, poller string) {
	r := start(t, pages{"/": memory("x")}, hurried(poller))
	c := r.dial()
	began := time.Now()
	c.write("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
	c.read("GET").want(t, 200, "x")
	for time.Since(began) < patience/2 {
		if _, err := io.WriteString(c, "x"); err != nil {
			break
		}
		time.Sleep(short / 8)
	}
	if since := time.Since(began); since > 10*short {
		t.Errorf("trickled content had %v", since)
	}
}

// A reader that stands still is cut off, and the log tells where.
func stuckReader(t *testing.T, poller string) {
	r := start(t, pages{"/": memory(pattern(longSize))}, hurried(poller))
	c := r.dial()
	c.write(request("GET", "/"))
	if rec := r.log.await(t, 1)[0]; rec.status != 200 || rec.octets <= 0 || rec.octets >= longSize {
		t.Errorf("log: %v", rec)
	}
}

// A slow reader that takes its fair part gets all of it, however long it takes.
func slowReader(t *testing.T, poller string) {
	body := pattern(2 << 20)
	opt := hurried(poller)
	opt.ReplyTimeout = 3 * short // we may be slower than we mean to be
	r := start(t, pages{"/": memory(body)}, opt)
	c := r.dial()
	began := time.Now()
	c.write(request("GET", "/"))
	c.r.Reset(&slowly{c.Conn, len(body) / 16, short / 2})
	c.read("GET").want(t, 200, body)
	if time.Since(began) < 2*opt.ReplyTimeout {
		t.Errorf("the slow reader had all after %v", time.Since(began))
	}
}

// slowly reads so many octets, then rests.
type slowly struct {
	io.Reader
	most int
	rest time.Duration
}

func (s *slowly) Read(b []byte) (int, error) {
	n, err := io.ReadAtLeast(s.Reader, b[:min(len(b), s.most)], 1)
	time.Sleep(s.rest * time.Duration(n) / time.Duration(s.most))
	return n, err
}
