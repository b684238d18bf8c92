package httpd_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"xanadu/ipc/addr"
	"xanadu/web/httpd"
)

// Idle connections are closed at once, what is under way comes to its end, and
// the last response on each connection says that it is.
func TestShutdown(t *testing.T) {
	body := pattern(longSize)
	each(t, func(t *testing.T, poller string) {
		inTime(t, func() error { return shutDown(t, poller, body) })
	})
}

// shutDown is a try of TestShutdown. It is in vain when a client that is new and
// silent gets to its request after a second, since it counts as idle by then.
func shutDown(t *testing.T, poller, body string) error {
	g := newGate()
	r := start(t, pages{"/": memory("x"), "/file": file(t, body), "/gate": g.page}, httpd.Options{Poller: poller, Loops: 2})
	idle, reading, asking, half := r.dial(), r.dial(), r.dial(), r.dial()
	idle.get("/")
	reading.write(request("GET", "/file") + request("GET", "/"))
	_, err := reading.r.Peek(1)
	must(t, err)
	asking.write(request("GET", "/gate") + request("GET", "/"))
	await(t, g.entered, "the blocked request")
	half.get("/")
	half.write("GET / HTTP/1.1\r\n")
	began := time.Now()
	new := r.dial()
	r.barrier()

	r.Shutdown(patience)
	idle.wantEnd()
	new.write(request("GET", "/")) // it was accepted, and had not come to it
	if p, err := readResponse(new.r, "GET"); err == nil {
		p.want(t, 200, "x")
	} else if time.Since(began) > time.Second {
		g.answer <- said("y")
		return err
	} else {
		t.Error(err)
	}
	never(t, r.ended, "Serve has returned with replies under way")
	reading.read("GET").want(t, 200, body)
	if p := reading.read("GET"); p.field("Connection") != "close" {
		t.Errorf("the last response, %q, does not say so", p.head)
	}
	g.answer <- said("y")
	p := asking.read("GET")
	p.want(t, 200, "y")
	if p.field("Connection") != "close" {
		t.Errorf("the last response, %q, does not say so", p.head)
	}
	half.write("Host: h\r\n\r\n")
	half.read("GET").want(t, 200, "x")
	for _, c := range []*client{reading, asking, half, new} {
		c.wantEnd()
		c.Close()
	}
	r.wait()
	return nil
}

// Clients who wait to be accepted when the end begins are answered, and then the
// listening socket is free to be closed, while other requests go on.
func TestShutdownEmptiesTheQueue(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		draining, drained := make(chan bool, 2), make(chan bool, 2)
		r := prepare(t, addr.MustParse("tcp:127.0.0.1:0"), pages{"/": memory("x"), "/gate": g.page}, httpd.Options{
			Poller: poller, Loops: 3,
			Draining: func() { draining <- true },
			Drained:  func() { drained <- true },
		})
		var queue []*client
		for range 9 {
			c := r.dial()
			c.write(request("GET", "/") + request("GET", "/"))
			queue = append(queue, c)
		}
		busy := r.dial()
		busy.write(request("GET", "/gate"))
		r.Shutdown(patience)
		r.Shutdown(patience)
		await(t, draining, "a word that the end begins")
		never(t, drained, "the queue was emptied before Serve")
		r.serve(context.Background())
		await(t, drained, "a word that the queue is empty")
		for _, c := range queue {
			p := c.read("GET")
			p.want(t, 200, "x")
			if p.field("Connection") != "close" {
				t.Errorf("the last response, %q, does not say so", p.head)
			}
			c.wantEnd()
			c.Close()
		}
		await(t, g.entered, "the request under way")
		never(t, r.ended, "Serve has returned with a reply under way")
		late := r.dial() // nobody accepts it
		g.answer <- said("y")
		busy.read("GET").want(t, 200, "y")
		busy.Close()
		r.wait()
		never(t, draining, "a second word")
		never(t, drained, "a second word")
		late.SetReadDeadline(time.Now().Add(short))
		if b, err := late.Conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("a client that came late got %d octets", b)
		}
	})
}

// Those in the queue who find no room are told so.
func TestShutdownAtTheBound(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/": g.page}, httpd.Options{Poller: poller, MaxConnections: 1})
		busy := r.dial()
		busy.write(request("GET", "/"))
		await(t, g.entered, "the request under way")
		waiting := r.dial()
		waiting.write(request("GET", "/"))
		r.Shutdown(patience)
		if all := string(waiting.all()); !strings.HasPrefix(all, "HTTP/1.1 503 ") {
			t.Errorf("who waited got %q", all)
		}
		g.answer <- said("x")
		busy.read("GET").want(t, 200, "x")
		busy.Close()
		r.wait()
	})
}

// What is not done after the grace time is cut, and the log tells of it.
func TestShutdownCuts(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/": memory(pattern(longSize))}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/"))
		_, err := c.r.Peek(1)
		must(t, err)
		half := r.dial()
		half.write("GET /")
		r.barrier()
		r.Shutdown(patience)
		r.Shutdown(short)
		r.wait()
		rec := r.log.await(t, 1)[0]
		all := c.all()
		if _, content, ok := strings.Cut(string(all), "\r\n\r\n"); !ok || int64(len(content)) != rec.octets || rec.octets >= longSize {
			t.Errorf("%d octets of content came, the log says %v", len(content), rec)
		}
	})
}

// An answer that hangs is not waited for beyond the grace time.
func TestShutdownLeavesHangingAnswers(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/gate": g.page}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(strings.Repeat(request("GET", "/gate"), 2))
		await(t, g.entered, "the blocked request")
		began := time.Now()
		r.Shutdown(short)
		r.wait()
		if since := time.Since(began); since < short || since > httpd.DefaultGrace/2 {
			t.Errorf("Serve returned after %v", since)
		}
		if got := await(t, r.troubles, "a word to Errorf"); !strings.Contains(got, "left behind: 1") {
			t.Errorf("Errorf was told %q", got)
		}
		c.wantEnd()
		g.answer <- file(t, "released")(nil)
		r.log.want(t)
	})
}

// The end of the context is a Shutdown; so is one before Serve.
func TestServeEnds(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		at := func() addr.Addr { return addr.MustParse("tcp:127.0.0.1:0") }
		r := prepare(t, at(), pages{"/": memory("x")}, httpd.Options{Poller: poller, Loops: 3})
		ctx, cancel := context.WithCancel(t.Context())
		r.serve(ctx)
		c := r.dial()
		c.get("/").want(t, 200, "x")
		cancel()
		c.wantEnd()
		r.wait()

		r = prepare(t, at(), pages{}, httpd.Options{Poller: poller, Loops: 3})
		r.Shutdown(patience)
		r.serve(context.Background())
		r.wait()
		r.Shutdown(0) // too late for anything
	})
}

// A server that is not served frees what it made when the poller is unknown, or
// a socket is none.
func TestNewFails(t *testing.T) {
	if _, err := httpd.New(pages{}, nil, &httpd.Options{Poller: "carrier pigeon"}); err == nil {
		t.Error("New took an unknown poller")
	}
}

// Clients who come and go in any state leave nothing behind.
func TestClientsComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		body := pattern(longSize)
		r := startTCP(t, pages{"/": memory("x"), "/long": file(t, body)}, httpd.Options{Poller: poller, Loops: 2})
		for i, text := range []string{
			"", "G", request("GET", "/"), request("GET", "/long"), request("GET", "/nothing"),
			strings.Repeat(request("GET", "/"), 500), "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx", "\x16\x03",
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + request("GET", "/"),
			"GET /long HTTP/1.1\r\nHost: h\r\nRange: bytes=0-9,1000-2000000,3000000-\r\n\r\n",
		} {
			for j := range 10 {
				c := r.dial()
				c.write(text)
				if j%2 == 0 && i > 1 {
					io.CopyN(io.Discard, c.r, int64(j))
				}
				c.Close()
			}
		}
		r.dial().get("/").want(t, 200, "x")
	})
}
