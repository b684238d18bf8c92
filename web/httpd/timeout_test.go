package httpd_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/ipc/addr"
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

// A balancer closes first a connection that it has kept for its usual 60 s.
func TestDefaultIdleTimeout(t *testing.T) {
	r := prepare(t, addr.MustParse("tcp:127.0.0.1:0"), pages{}, httpd.Options{})
	r.Shutdown(0)
	r.serve(t.Context())
	if got, want := httpd.IdleTimeout(r.Server), 75*time.Second; got != want {
		t.Errorf("idle connections are kept for %v, want %v", got, want)
	}
}

// Who has nothing to say, from the start or after a response, hears nothing.
func silence(t *testing.T, poller string) {
	r := start(t, pages{"/": memory("x")}, hurried(poller))
	inTime(t, func() error {
		began := time.Now()
		c, d := r.dial(), r.dial()
		d.write(request("GET", "/"))
		if _, err := readResponse(d.r, "GET"); err != nil {
			return err
		}
		c.wantEnd()
		d.wantEnd()
		if time.Since(began) < short-10*time.Millisecond { // as exact as a tick allows
			t.Errorf("idle connections were closed after %v", time.Since(began))
		}
		return nil
	})
	r.log.want(t, `"GET / HTTP/1.1" 200 1`)
}

// A head that does not end is answered, and the log shows what there was of it.
func halfHead(t *testing.T, poller string) {
	r := start(t, pages{}, httpd.Options{Poller: poller, HeadTimeout: short})
	for i, part := range []struct{ sent, method, logged string }{
		{"GET /half", "GET", `"GET /half" 408 `},
		{"GET / HTTP/1.1\r\nHost:", "GET", `"GET / HTTP/1.1" 408 `},
		{"HEAD / HTTP/1.1\r\n", "HEAD", `"HEAD / HTTP/1.1" 408 0`},
		{"HEAD /half", "HEAD", `"HEAD /half" 408 0`},
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
	r := start(t, pages{}, httpd.Options{Poller: poller, HeadTimeout: 3 * short})
	c := r.dial()
	var trickle sync.WaitGroup
	defer trickle.Wait()
	trickle.Go(c.trickle)
	if p := c.read("GET"); p.status != 408 {
		t.Errorf("a trickled head was answered %q", p.head)
	}
	c.wantEnd()
	c.Close()
}

// trickle sends octet by octet for as long as the connection takes them: if they
// bought time, of which a loop gives whole ticks only, there would be no end.
func (c *client) trickle() {
	pace := time.NewTicker(short / 8)
	defer pace.Stop()
	for range pace.C {
		if _, err := io.WriteString(c, "G"); err != nil {
			return
		}
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
	r := start(t, pages{"/": memory("x")}, httpd.Options{Poller: poller, ContentTimeout: short})
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
	r := start(t, pages{"/": memory("x")}, httpd.Options{Poller: poller, ContentTimeout: 3 * short})
	c := r.dial()
	c.write("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
	c.read("GET").want(t, 200, "x")
	var trickle sync.WaitGroup
	defer trickle.Wait()
	trickle.Go(c.trickle)
	if b, err := io.ReadAll(c.r); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %q, %v after trickled content; want the end of the connection", b, err)
	}
	c.Close()
}

// A reader that stands still is cut off, and the log tells where.
func stuckReader(t *testing.T, poller string) {
	r := start(t, pages{"/": memory(pattern(longSize))}, httpd.Options{Poller: poller, ReplyTimeout: short})
	c := r.dial()
	c.write(request("GET", "/"))
	if rec := r.log.await(t, 1)[0]; rec.status != 200 || rec.octets <= 0 || rec.octets >= longSize {
		t.Errorf("log: %v", rec)
	}
}

// A slow reader that takes its fair part gets all of it, however long it takes.
func slowReader(t *testing.T, poller string) {
	body := pattern(2 << 20)
	const timeout = 3 * short // we may be slower than we mean to be
	r := start(t, pages{"/": memory(body)}, httpd.Options{Poller: poller, ReplyTimeout: timeout})
	inTime(t, func() error {
		c := r.dial()
		defer c.Close()
		began := time.Now()
		c.write(request("GET", "/"))
		c.r.Reset(&slowly{patient{c.Conn}, len(body) / 16, short / 2})
		p, err := readResponse(c.r, "GET")
		if err != nil {
			return err
		}
		p.want(t, 200, body)
		if time.Since(began) < 2*timeout {
			t.Errorf("the slow reader had all after %v", time.Since(began))
		}
		return nil
	})
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
