package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/http1"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

// A flow is a stream whose Reads are functions, one after the other; after them
// it ends. What must never happen to it shows in wrong.
type flow struct {
	reads  []func(b []byte) (int, error)
	taken  atomic.Int64 // octets
	inside atomic.Bool
	closed chan struct{}
	wrong  atomic.Bool
}

func newFlow(reads ...func(b []byte) (int, error)) *flow {
	return &flow{reads: reads, closed: make(chan struct{})}
}

func (f *flow) Read(b []byte) (n int, err error) {
	if f.inside.Swap(true) || len(b) < 4<<10 {
		f.wrong.Store(true)
	}
	defer f.inside.Store(false)
	if len(f.reads) == 0 {
		return 0, io.EOF
	}
	n, err = f.reads[0](b)
	f.reads = f.reads[1:]
	f.taken.Add(int64(n))
	return n, err
}

func (f *flow) Close() error {
	if f.inside.Load() {
		f.wrong.Store(true)
	}
	close(f.closed) // which panics the second time
	return nil
}

// page answers with f, once.
func (f *flow) page(*web.Request) *web.Reply {
	return &web.Reply{Status: 200, Type: "text/plain", Stream: f, Size: -1}
}

// over fails unless f comes to be closed, as it should be.
func (f *flow) over(t testing.TB) {
	t.Helper()
	await(t, f.closed, "the end of the stream")
	if f.wrong.Load() {
		t.Error("the stream was read twice at once, closed while it was read, or given no room")
	}
}

func text(s string) func([]byte) (int, error) {
	return func(b []byte) (int, error) { return copy(b, s), nil }
}

func nothing([]byte) (int, error) { return 0, nil }

// endless fills flow f without end.
func endless(f *flow) {
	var fill func(b []byte) (int, error)
	fill = func(b []byte) (int, error) {
		f.reads = append(f.reads, fill)
		return len(b), nil
	}
	f.reads = append(f.reads, fill)
}

// readStream reads a response with chunked content, or up to the end of the
// connection, and returns the lines of its head and the content.
func readStream(r *bufio.Reader) (head []string, body string, err error) {
	if head, err = readHead(r); err != nil {
		return head, "", err
	}
	if !slices.Contains(head, "Transfer-Encoding: chunked") {
		b, err := io.ReadAll(r)
		return head, string(b), err
	}
	var all []byte
	for chunks, b := (http1.Chunked{}), make([]byte, 1); ; {
		if b[0], err = r.ReadByte(); err != nil {
			return head, string(all), io.ErrUnexpectedEOF
		}
		data, _, err := chunks.Next(b)
		all = append(all, data...)
		if err == io.EOF {
			return head, string(all), nil
		}
		if err != nil {
			return head, string(all), err
		}
	}
}

func readHead(r *bufio.Reader) (head []string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return head, err
		}
		head = append(head, strings.TrimSuffix(line, "\r\n"))
	}
}

// A stream arrives whole, in chunks or up to the end, and the connection goes on
// where it can.
func TestStream(t *testing.T) {
	long := pattern(300_000)
	each(t, func(t *testing.T, poller string) {
		for _, test := range []struct {
			name  string
			reads func() []func([]byte) (int, error)
			want  string
		}{
			{"nothing", func() []func([]byte) (int, error) { return nil }, ""},
			{"a little", func() []func([]byte) (int, error) { return []func([]byte) (int, error){text("hello")} }, "hello"},
			{"with its end", func() []func([]byte) (int, error) {
				return []func([]byte) (int, error){text("a"), func(b []byte) (int, error) { return copy(b, "bc"), io.EOF }}
			}, "abc"},
			{"in its time", func() []func([]byte) (int, error) {
				return []func([]byte) (int, error){nothing, text("a"), nothing, nothing, text("b"), nothing}
			}, "ab"},
			{"much", func() (reads []func([]byte) (int, error)) {
				rest := long
				for i := 1; rest != ""; i++ {
					n := min(len(rest), 1+i*i*7%16_384)
					reads = append(reads, text(rest[:n]))
					rest = rest[n:]
				}
				return reads
			}, long},
		} {
			f, g, h := newFlow(test.reads()...), newFlow(test.reads()...), newFlow(test.reads()...)
			r := start(t, pages{"/": f.page, "/old": g.page, "/head": h.page, "/x": memory("x")}, httpd.Options{Poller: poller})
			c := r.dial()
			c.write(request("GET", "/") + request("HEAD", "/head") + request("GET", "/x"))
			head, body, err := readStream(c.r)
			if err != nil || body != test.want || head[0] != "HTTP/1.1 200 OK" || strings.Contains(strings.Join(head, "\n"), "Content-Length") {
				t.Errorf("%s: %d octets (%v) behind %q, want %d", test.name, len(body), err, head, len(test.want))
			}
			f.over(t)
			only, err := readHead(c.r)
			if date := slices.IndexFunc(head, isDate); err != nil || !slices.Equal(slices.Delete(head, date, date+1), slices.Delete(only, date, date+1)) || h.taken.Load() != 0 {
				t.Errorf("%s: HEAD gets %q (%v), GET %q, and %d octets were read for it", test.name, only, err, head, h.taken.Load())
			}
			h.over(t)
			c.read("GET").want(t, 200, "x")
			c.Close()

			c = r.dial()
			c.write("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + request("GET", "/x"))
			head, body, err = readStream(c.r)
			if all := strings.Join(head, "\n"); err != nil || body != test.want || strings.Contains(all, "chunked") || !strings.Contains(all, "Connection: close") {
				t.Errorf("%s, to HTTP/1.0: %d octets (%v) behind %q, want %d", test.name, len(body), err, head, len(test.want))
			}
			g.over(t)
			r.log.want(t, fmt.Sprintf(`"GET / HTTP/1.1" 200 %d`, len(test.want)), `"HEAD /head HTTP/1.1" 200 0`, `"GET /x HTTP/1.1" 200 1`,
				fmt.Sprintf(`"GET /old HTTP/1.0" 200 %d`, len(test.want)))
		}
	})
}

func isDate(line string) bool { return strings.HasPrefix(line, "Date: ") }

// A stream that breaks does not look as if it had ended.
func TestStreamBreaks(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		for name, last := range map[string]func([]byte) (int, error){
			"an error": func([]byte) (int, error) { return 0, errors.New("gone") },
			"a panic":  func([]byte) (int, error) { panic("gone") },
		} {
			f := newFlow(text("hello"), last)
			r := start(t, pages{"/": f.page}, httpd.Options{Poller: poller})
			c := r.dial()
			c.write(request("GET", "/") + request("GET", "/"))
			_, body, err := readStream(c.r)
			if err != io.ErrUnexpectedEOF || body != "hello" {
				t.Errorf("after %s: %q, %v", name, body, err)
			}
			f.over(t)
			r.log.want(t, `"GET / HTTP/1.1" 200 5`)
		}
	})
}

// A client that goes away ends its stream, whatever that is doing, but not under
// the hands of who reads it.
func TestStreamAbandoned(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		entered, leave, goOn := make(chan bool, 100), make(chan bool), make(chan bool)
		blocked := func(b []byte) (int, error) {
			entered <- true
			<-leave
			return copy(b, "late"), nil
		}
		sent, half := newFlow(), newFlow(func(b []byte) (int, error) {
			entered <- true
			<-goOn
			return copy(b, "half"), nil
		}, text("of it"))
		endless(sent)
		g := newGate()
		site := pages{"/sent": sent.page, "/half": half.page, "/gate": g.page}
		var crew []*flow
		for i := range 31 { // with half's reader all there are
			f := newFlow(blocked)
			crew = append(crew, f)
			site["/"+strconv.Itoa(i)] = f.page
		}
		r := start(t, site, httpd.Options{Poller: poller})

		taker := r.dial()
		taker.write(request("GET", "/sent"))
		_, err := taker.r.Peek(1)
		must(t, err)
		taker.Close()
		sent.over(t) // while the kernel was to take it

		var clients []*client
		for i := range crew {
			c := r.dial()
			c.write(request("GET", "/"+strconv.Itoa(i)))
			await(t, entered, "a Read")
			clients = append(clients, c)
		}
		halfway := r.dial()
		halfway.write(request("GET", "/half"))
		await(t, entered, "the first Read of half")
		next := r.dial()
		next.write(request("GET", "/gate"))
		r.turn()
		goOn <- true
		await(t, g.entered, "the request that waited for half's reader")
		_, err = readHead(halfway.r)
		must(t, err)
		if piece, err := io.ReadAll(io.LimitReader(halfway.r, int64(len("4\r\nhalf\r\n")))); string(piece) != "4\r\nhalf\r\n" {
			t.Errorf("%q, %v", piece, err)
		}
		halfway.Close()
		// select(2) tells of no end that nobody wants to read.
		deaf := strings.HasSuffix(poller, "select")
		if !deaf {
			half.over(t) // while its next Read waited for a reader
		}

		for _, c := range clients {
			c.Close()
		}
		r.turn()
		for _, f := range crew {
			select {
			case <-f.closed:
				t.Error("a stream is closed while it is read")
			default:
			}
		}
		close(leave)
		for _, f := range crew {
			f.over(t)
		}
		g.answer <- said("x")
		next.read("GET").want(t, 200, "x")
		if deaf {
			half.over(t)
		}
	})
}

// turn is barrier where no answer of the site can be had: the crew is busy.
func (r *rig) turn() {
	r.t.Helper()
	c := r.dial()
	c.write("BROKEN\r\n\r\n")
	if p := c.read("GET"); p.status != 400 {
		r.t.Errorf("status %d", p.status)
	}
	c.Close()
}

// Nothing is read that the client does not take.
func TestStreamWaits(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		f := newFlow()
		endless(f)
		r := start(t, pages{"/": f.page, "/x": memory("x")}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/"))
		var before int64 = -1
		for before != f.taken.Load() {
			before = f.taken.Load()
			for range 50 {
				r.dial().get("/x").want(t, 200, "x") // turns of the loop
			}
		}
		if before == 0 || before > 8<<20 {
			t.Errorf("%d octets were read for a client that takes none", before)
		}
		c.Close()
		f.over(t)
	})
}

// Streams that have nothing yet do not keep others from being answered.
func TestStreamsTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		site := pages{"/uncached": func(*web.Request) *web.Reply { return said("x") }}
		var flows []*flow
		for i := range 40 {
			f := newFlow()
			var idle func([]byte) (int, error)
			idle = func([]byte) (int, error) {
				f.reads = append(f.reads, idle)
				return 0, nil
			}
			f.reads = append(f.reads, idle)
			flows = append(flows, f)
			site["/"+strconv.Itoa(i)] = f.page
		}
		r := start(t, site, httpd.Options{Poller: poller})
		var clients []*client
		for i := range flows {
			c := r.dial()
			c.write(request("GET", "/"+strconv.Itoa(i)))
			_, err := c.r.Peek(1)
			must(t, err)
			clients = append(clients, c)
		}
		for range 10 {
			r.dial().get("/uncached").want(t, 200, "x")
		}
		r.Shutdown(0)
		for i, c := range clients {
			if _, _, err := readStream(c.r); err == nil {
				t.Error("a stream that was cut looks as if it had ended")
			}
			flows[i].over(t)
		}
		r.wait()
	})
}

// A stream under way comes to its end within the grace time.
func TestStreamShutdown(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		entered, leave := make(chan bool), make(chan bool)
		f := newFlow(text("a"), func(b []byte) (int, error) {
			entered <- true
			<-leave
			return copy(b, "b"), nil
		}, text("c"))
		r := start(t, pages{"/": f.page}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/"))
		await(t, entered, "the second Read")
		r.Shutdown(patience)
		leave <- true
		if _, body, err := readStream(c.r); body != "abc" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		c.wantEnd()
		c.Close()
		f.over(t)
		r.wait()
	})
}

// A list of many names comes over the wire as a client of another make reads it,
// in the form that it asks for.
func TestLongListing(t *testing.T) {
	dir := t.TempDir()
	const names = 3000
	must(t, os.WriteFile(dir+"/0", nil, 0o644))
	for i := 1; i < names; i++ {
		must(t, os.Link(dir+"/0", fmt.Sprintf("%s/%d", dir, i)))
	}
	must(t, os.Mkdir(dir+"/short", 0o755))
	s, err := site.New(dir, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	each(t, func(t *testing.T, poller string) {
		r := startTCP(t, s, httpd.Options{Poller: poller, Loops: 2})
		transport := new(http.Transport)
		defer transport.CloseIdleConnections()
		get := func(path, accept string) (kind, body string) {
			asked, err := http.NewRequest("GET", "http://"+r.at.AddrPort().String()+path, nil)
			must(t, err)
			asked.Header.Set("Accept", accept)
			p, err := transport.RoundTrip(asked)
			must(t, err)
			defer p.Body.Close()
			b, err := io.ReadAll(p.Body)
			must(t, err)
			return p.Header.Get("Content-Type"), string(b)
		}
		for _, path := range []string{"/", "/short/"} {
			for range 2 { // the second time, short ones are from the cache
				if kind, body := get(path, "text/html,*/*;q=0.1"); kind != "text/html; charset=utf-8" || !strings.HasSuffix(body, "</html>\n") {
					t.Errorf("%s: %s that ends %q", path, kind, body[max(0, len(body)-20):])
				}
				if kind, body := get(path, "application/json"); kind != "application/json" || !strings.HasSuffix(body, "],\"complete\":true}\n") {
					t.Errorf("%s: %s that ends %q", path, kind, body[max(0, len(body)-20):])
				}
			}
		}
		if _, body := get("/", "text/plain"); strings.Count(body, "\n") != names+1 || !strings.HasSuffix(body, "\n2998\n2999\nshort/\n") {
			t.Errorf("%d lines that end %q", strings.Count(body, "\n"), body[max(0, len(body)-20):])
		}
	})
}

// A change in a directory, of its names or of what one of them is, is seen in
// its list within a second, and no crowd of clients has the site make the list
// more often than that takes.
func TestListingChangesAreSeen(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		dir := t.TempDir()
		must(t, os.WriteFile(dir+"/file", nil, 0o644))
		s, err := site.New(dir, nil)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		counting := &countingSite{Site: s}
		r := start(t, counting, httpd.Options{Poller: poller, Loops: 1})
		clients := make([]*client, 8)
		for i := range clients {
			clients[i] = r.dial()
		}
		list := func() (body string) {
			for _, c := range clients {
				c.write("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n\r\n")
			}
			for _, c := range clients {
				body = string(c.read("GET").body)
			}
			return body
		}
		begun := time.Now()
		pace := time.NewTicker(short / 20)
		defer pace.Stop()
		for _, step := range []struct {
			change func() error
			want   string
		}{
			{func() error { return nil }, "file\n"},
			{func() error { return os.WriteFile(dir+"/new", nil, 0o644) }, "file\nnew\n"},
			{func() error { return os.Rename(dir+"/new", dir+"/a") }, "a\nfile\n"},
			{func() error { return os.Remove(dir + "/a") }, "file\n"},
		} {
			must(t, step.change())
			changed := time.Now()
			for asked := changed; ; asked = time.Now() {
				if list() == step.want {
					break
				}
				if asked.Sub(changed) > time.Second {
					t.Fatalf("after %v the list is not %q", time.Since(changed), step.want)
				}
				<-pace.C
			}
		}
		// One who comes upon a list that is half a second old asks the site; all
		// of them do only where it is so busy that the answer is late.
		took := time.Since(begun)
		if n := counting.answers.Load(); n > int64(len(clients))*(1+int64(took/(500*time.Millisecond))) {
			t.Errorf("%d clients had the site asked %d times in %v", len(clients), n, took)
		}
	})
}

type countingSite struct {
	web.Site
	answers atomic.Int64
}

func (s *countingSite) Answer(r *web.Request) *web.Reply {
	s.answers.Add(1)
	return s.Site.Answer(r)
}

// What does not suit a request is not sent to it.
func TestSuits(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		var asked atomic.Int32
		r := start(t, pages{"/": func(r *web.Request) *web.Reply {
			asked.Add(1)
			kind := string(r.Get(web.Accept))
			p := memory("in " + kind)(r)
			p.Suits = func(r *web.Request) bool { return string(r.Get(web.Accept)) == kind }
			return p
		}}, httpd.Options{Poller: poller})
		c := r.dial()
		for i, kind := range []string{"a", "a", "b", "b", "b", "a"} {
			c.write("GET / HTTP/1.1\r\nHost: h\r\nAccept: " + kind + "\r\n\r\n")
			c.read("GET").want(t, 200, "in "+kind)
			if want := []int32{1, 1, 2, 2, 2, 3}[i]; asked.Load() != want {
				t.Errorf("request %d: the site was asked %d times, want %d", i, asked.Load(), want)
			}
		}
	})
}
