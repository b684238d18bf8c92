package httpd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/web"
	"xanadu/web/httpd"
)

// A promptSite answers at once what is in now, and else what its pages say.
type promptSite struct {
	pages
	now   pages
	asked atomic.Int32 // how often nothing was said at once
}

func (s *promptSite) AnswerNow(r *web.Request, room []byte) *web.Reply {
	page := s.now[string(r.Path)]
	if page == nil {
		return nil
	}
	p := page(r)
	if n := copy(room, p.Body); n == len(p.Body) {
		p.Body = room[:n] // which it may lie in
	}
	return p
}

func (s *promptSite) Answer(r *web.Request) *web.Reply {
	if string(r.Path) != barrier {
		s.asked.Add(1)
	}
	return s.pages.Answer(r)
}

// A source is content that can be read again.
type source struct {
	content string
	gone    atomic.Bool // reading fails from now on
	reads   atomic.Int32
	looks   atomic.Int32 // those that looked whether the document holds
}

func (s *source) page(*web.Request) *web.Reply {
	p := document(len(s.content))
	p.Body = []byte(s.content)
	p.Reread = func(b []byte, look bool) bool {
		s.reads.Add(1)
		if look {
			s.looks.Add(1)
		}
		return !s.gone.Load() && len(b) == len(s.content) && copy(b, s.content) == len(b)
	}
	return p
}

// lightly is options with which no content stays in memory.
func lightly(poller string) httpd.Options { return httpd.Options{Poller: poller, CacheSize: 8 << 10} }

// What the site can say at once it is not asked for by the crew.
func TestAnswerNow(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		short, long := &source{content: "short"}, &source{content: pattern(100_000)}
		s := &promptSite{
			pages: pages{"/slow": memory("slow")},
			now: pages{"/short": short.page, "/long": long.page,
				"/refused": func(*web.Request) *web.Reply { return web.ErrorReply(nil, 403) },
				"/panic":   func(*web.Request) *web.Reply { panic("at once") }},
		}
		r := start(t, s, httpd.Options{Poller: poller})
		c := r.dial()
		for range 2 {
			c.get("/short").want(t, 200, "short")
			c.get("/long").want(t, 200, long.content)
			if got := c.get("/refused"); got.status != 403 {
				t.Errorf("status %d, want 403", got.status)
			}
			if got := c.get("/panic"); got.status != 500 {
				t.Errorf("status %d, want 500", got.status)
			}
		}
		if n := s.asked.Load(); n != 0 {
			t.Errorf("the site was asked %d times by the crew", n)
		}
		c.get("/slow").want(t, 200, "slow")
		if n := s.asked.Load(); n != 1 {
			t.Errorf("the site was asked %d times by the crew, want 1", n)
		}
	})
}

// Content that is not in memory is read for each request that gets any of it, and
// for no other.
func TestReread(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		for _, size := range []int{0, 1, 5_000, 16 << 10, 16<<10 + 1, 128 << 10, 200_000} {
			src := &source{content: pattern(size)}
			s := &promptSite{pages: pages{"/": src.page}}
			r := start(t, s, lightly(poller))
			c := r.dial()
			c.get("/").want(t, 200, src.content)
			reads := func() int {
				r.barrier()
				return int(src.reads.Load())
			}
			had := reads()
			for _, test := range []struct {
				name, request, method string
				status                int
				content               string
				reads                 int
			}{
				{"plain", request("GET", "/"), "GET", 200, src.content, 1},
				{"HTTP/1.0, kept alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", 200, src.content, 1},
				{"HEAD", request("HEAD", "/"), "HEAD", 200, "", 0},
				{"not modified", "GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n", "GET", 304, "", 0},
				{"a part", "GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=1-\r\n\r\n", "GET", 206, src.content[min(1, size):], 1},
			} {
				if size < 5000 && test.status == 206 {
					continue
				}
				if size > 0 && size < 1000 {
					test.reads = 0 // so little stays in memory
				}
				c.write(test.request)
				c.read(test.method).want(t, test.status, test.content)
				if got := reads(); size >= 5000 && got != had+test.reads {
					t.Errorf("%d octets, %s: %d reads, want %d", size, test.name, got-had, test.reads)
				}
				had = reads()
			}
			if n := s.asked.Load(); n != 1 {
				t.Errorf("%d octets: the site was asked %d times, want once", size, n)
			}
		}
	})
}

// A document that cannot be read again is asked for anew.
func TestRereadThatFails(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		src := &source{content: pattern(20_000)}
		s := &promptSite{pages: pages{"/": src.page}}
		r := start(t, s, lightly(poller))
		c := r.dial()
		c.get("/").want(t, 200, src.content)
		r.barrier()
		src.gone.Store(true)
		c.get("/").want(t, 200, src.content)
		if n := s.asked.Load(); n != 2 {
			t.Errorf("the site was asked %d times, want twice", n)
		}
	})
}

// Slow clients get their content whole, though others are answered from the same
// room meanwhile.
func TestRereadForSlowClients(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		now := make(pages)
		contents := make(map[string]string)
		for i := range 8 {
			path := fmt.Sprintf("/%d", i)
			contents[path] = strings.Repeat(string(rune('a'+i)), 128<<10)
			now[path] = (&source{content: contents[path]}).page
		}
		r := start(t, &promptSite{now: now}, lightly(poller))
		const requests = 16 // of 128 KiB, which no socket holds at once
		clients := make(map[string]*client)
		for path := range contents {
			c := r.dial()
			c.write(strings.Repeat(request("GET", path), requests))
			clients[path] = c
		}
		r.barrier()
		for range requests {
			for path, c := range clients {
				c.read("GET").want(t, 200, contents[path])
			}
		}
	})
}

// Documents whose content is in memory, or of which there are too many, are not
// kept open.
func TestFilesBesideContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	content := pattern(2000)
	must(t, os.WriteFile(path, []byte(content), 0o600))
	var open []*ipc.FD
	page := func(*web.Request) *web.Reply {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		must(t, err)
		p := (&source{content: content}).page(nil)
		p.File = ipc.NewFD(fd)
		open = append(open, p.File)
		return p
	}
	now := make(pages)
	for i := range 100 {
		now[fmt.Sprintf("/%d", i)] = page
	}
	now["/count"] = func(*web.Request) *web.Reply {
		left := 0
		for _, fd := range open {
			if fd.Number() >= 0 {
				left++
			}
		}
		return said(fmt.Sprintf("%d of %d are open", left, len(open)))
	}
	r := start(t, &promptSite{now: now}, httpd.Options{CacheSize: 400 << 10})
	c := r.dial()
	for i := range 100 {
		c.get(fmt.Sprintf("/%d", i)).want(t, 200, content)
	}
	// The descriptors belong to the loop, which counts them.
	c.get("/count").want(t, 200, "0 of 100 are open")
}

// A server that nothing is asked of says so, once.
func TestIdle(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as documents are kept")
	}
	t.Parallel()
	idle := make(chan bool, 8)
	r := prepare(t, addr.MustParse("tcp:127.0.0.1:0"), pages{"/": memory("hello")}, httpd.Options{Idle: func() { idle <- true }})
	httpd.KeepFor(r.Server, time.Second)
	r.serve(context.Background())
	r.dial().get("/").want(t, 200, "hello")
	await(t, idle, "a call of Idle")
	never(t, idle, "another call of Idle")
}
