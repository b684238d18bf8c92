package httpd_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/httpd"
)

// crew is how many answers of the site there are at once.
const crew = 32

// A site that panics has answered 500, and goes on.
func TestPanic(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{
			"/":      memory("x"),
			"/panic": func(*web.Request) *web.Reply { panic("of the site") },
		}, httpd.Options{Poller: poller})
		c := r.dial()
		if p := c.get("/panic?secret"); p.status != 500 || strings.Contains(string(p.body), "of the site") {
			t.Errorf("%q\n%s", p.head, p.body)
		}
		if got := await(t, r.troubles, "a word to Errorf"); !strings.Contains(got, "of the site") || !strings.Contains(got, "GET /panic") {
			t.Errorf("Errorf was told %q", got)
		}
		c.get("/").want(t, 200, "x")
		if log := r.log.await(t, 2); log[0].status != 500 || log[1].status != 200 {
			t.Errorf("log: %v", log)
		}
	})
}

// Answers that the loop has not come to yet count as being given, so that no more
// files are open than are counted.
func TestAnswersNotTaken(t *testing.T) {
	const more = 4 // than the crew gives at once
	g := newGate()
	blocked, goOn := make(chan bool), make(chan bool)
	r := start(t, &promptSite{pages: pages{"/gate": g.page}, now: pages{"/block": func(*web.Request) *web.Reply {
		close(blocked)
		<-goOn
		return said("unblocked")
	}}}, httpd.Options{})
	var clients []*client
	for range crew + more {
		c := r.dial()
		c.write(request("GET", "/gate"))
		clients = append(clients, c)
	}
	for range crew {
		await(t, g.entered, "a request")
	}
	c := r.dial()
	c.write(request("GET", "/block"))
	await(t, blocked, "the loop")
	for range crew {
		g.answer <- said("y")
	}
	never(t, g.entered, "the site was asked before the loop had taken what it said")
	close(goOn)
	for range more {
		g.answer <- said("y")
	}
	for _, c := range clients {
		c.read("GET").want(t, 200, "y")
	}
	c.read("GET").want(t, 200, "unblocked")
}

// While the site blocks in one answer, others are given and documents that are
// kept are served.
func TestBlocked(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		r := start(t, pages{"/gate": g.page, "/": memory("x")}, httpd.Options{Poller: poller})
		c, d := r.dial(), r.dial()
		d.get("/")
		c.write(request("GET", "/") + request("GET", "/gate") + request("GET", "/"))
		c.read("GET").want(t, 200, "x") // does not wait for what follows it
		await(t, g.entered, "the blocked request")
		d.get("/").want(t, 200, "x")
		if p := d.get("/nothing"); p.status != 404 {
			t.Errorf("%q", p.head)
		}
		g.answer <- said("y")
		c.read("GET").want(t, 200, "y")
		c.read("GET").want(t, 200, "x")
	})
}

// When all of the crew are blocked, documents that are kept are served all the
// same. Who goes away takes back what the crew has not begun, so that nothing
// heaps up for nobody.
func TestAllBlocked(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		if poller == "select" || poller == "pselect" {
			t.Skip("select has no word for a client that goes away while nobody reads from it")
		}
		g := newGate()
		var vain atomic.Int32
		r := start(t, pages{
			"/":     memory("x"),
			"/gate": g.page,
			"/vain": func(*web.Request) *web.Reply { vain.Add(1); return said("y") },
		}, httpd.Options{Poller: poller, MaxConnections: crew + 10})
		first := r.dial()
		var blocked []*client
		for range crew {
			first.get("/").want(t, 200, "x") // what nobody asks for is not kept for long
			c := r.dial()
			c.write(request("GET", "/gate"))
			await(t, g.entered, "a blocked request")
			blocked = append(blocked, c)
		}
		// More come and go than there may be connections.
		for range 30 {
			c := r.dial()
			c.write(request("GET", "/vain"))
			d := r.dial()
			d.get("/").want(t, 200, "x") // by now c's request waits
			c.Close()
			for range 2 { // the second is of a later turn than the end of c
				d.get("/").want(t, 200, "x")
			}
			d.Close()
		}
		patient := r.dial()
		patient.write(request("GET", "/once"))
		for _, c := range blocked[:crew/2] {
			c.Close() // to these nobody will say anything
		}
		for range crew {
			g.answer <- said("z")
		}
		for _, c := range blocked[crew/2:] {
			c.read("GET").want(t, 200, "z")
		}
		if p := patient.read("GET"); p.status != 404 {
			t.Errorf("%q", p.head)
		}
		if n := vain.Load(); n > 0 {
			t.Errorf("the site was asked %d times for clients who had gone", n)
		}
		r.log.await(t, crew/2+1)
	})
}

// A reply that comes too late for anybody is released.
func TestAnsweredToNobody(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		g := newGate()
		page := file(t, pattern(100_000))
		r := start(t, pages{"/gate": g.page, "/": page}, httpd.Options{Poller: poller})
		for range 3 {
			c := r.dial()
			c.write(request("GET", "/gate?1")) // whose answer is not kept
			req := await(t, g.entered, "the blocked request")
			c.Close()
			r.barrier()
			g.answer <- page(req)
			r.barrier()
		}
		r.dial().get("/").want(t, 200, pattern(100_000))
		// The kit's Main sees what is left open.
	})
}

// A change is seen within a second of it, also when the site looked at the
// document long before its answer came.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	var version atomic.Int32
	g := newGate()
	site := pages{"/": func(r *web.Request) *web.Reply {
		seen := version.Load()
		if seen == 0 {
			g.page(r)
		}
		p := document(1)
		p.Body = []byte{'0' + byte(seen)}
		p.Unchanged = func() web.Freshness {
			if version.Load() == seen {
				return web.Same
			}
			return web.Changed
		}
		return p
	}}
	r := start(t, site, httpd.Options{})
	c := r.dial()
	c.write(request("GET", "/"))
	await(t, g.entered, "the request")
	version.Store(1)
	time.Sleep(600 * time.Millisecond) // more than half of the second
	g.answer <- nil
	c.read("GET").want(t, 200, "0")
	c.get("/").want(t, 200, "1")
}

// For half a second a document is served without a look, for no more than that.
func TestFreshness(t *testing.T) {
	t.Parallel()
	var asked, looked atomic.Int32
	var now atomic.Value // of web.Freshness
	now.Store(web.Same)
	site := pages{"/": func(*web.Request) *web.Reply {
		asked.Add(1)
		p := memory("x")(nil)
		p.Unchanged = func() web.Freshness {
			looked.Add(1)
			return now.Load().(web.Freshness)
		}
		return p
	}}
	r := start(t, site, httpd.Options{})
	c := r.dial()
	pace := time.NewTicker(short / 20)
	defer pace.Stop()
	began := time.Now()
	for looked.Load() < 2 {
		c.get("/")
		<-pace.C
	}
	if since := time.Since(began); since < 800*time.Millisecond || asked.Load() != 1 {
		t.Errorf("after %v the document was looked at twice and asked for %d times", since, asked.Load())
	}
	now.Store(web.Unknown)
	changed := time.Now()
	for {
		began = time.Now()
		if c.get("/"); asked.Load() == 2 {
			break
		}
		if since := began.Sub(changed); since > time.Second {
			t.Fatalf("the site is not asked %v after it could not say", since)
		}
		<-pace.C
	}
}

// What a query changes is not mixed up with what it does not.
func TestQuery(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		var asked atomic.Int32
		page := func(any bool) func(r *web.Request) *web.Reply {
			return func(r *web.Request) *web.Reply {
				asked.Add(1)
				p := memory(string(r.Query))(nil)
				p.AnyQuery = any
				return p
			}
		}
		r := start(t, pages{"/any": page(true), "/one": page(false)}, httpd.Options{Poller: poller})
		c := r.dial()
		c.get("/any?a").want(t, 200, "a")
		c.get("/any?b").want(t, 200, "a")
		c.get("/any").want(t, 200, "a")
		if n := asked.Load(); n != 1 {
			t.Errorf("the site was asked %d times for a document that no query changes", n)
		}
		c.get("/one?a").want(t, 200, "a")
		c.get("/one?b").want(t, 200, "b")
		c.get("/one").want(t, 200, "")
		c.get("/one").want(t, 200, "")
		c.get("/one?b").want(t, 200, "b")
		if n := asked.Load(); n != 5 {
			t.Errorf("the site was asked %d times, want 5", n)
		}
	})
}
