package httpd_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/httpd"
)

// shownHeads is a log that keeps the heads that it is shown, as well as the
// lines.
type shownHeads struct {
	mu   sync.Mutex
	more sync.Cond
	all  []string
}

func newShownHeads() *shownHeads {
	s := new(shownHeads)
	s.more.L = &s.mu
	return s
}

func (*shownHeads) Append(dst []byte, rec *web.Record) []byte {
	return fmt.Appendf(dst, "log %q %d\n", rec.Line, rec.Status)
}

func (*shownHeads) AppendRequest(dst, head []byte) []byte {
	return fmt.Appendf(dst, "request %q\n", head)
}

func (*shownHeads) AppendReply(dst []byte, r *web.Request, p *web.Reply, status int, head []byte) []byte {
	target := "-"
	if r != nil {
		target = string(r.Target)
	}
	return fmt.Appendf(dst, "reply %s %d %q %q\n", target, status, p.Why, head)
}

func (s *shownHeads) Deliver(lines []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(string(lines)) {
		s.all = append(s.all, strings.TrimSuffix(line, "\n"))
	}
	s.more.Broadcast()
}

// await waits for n lines.
func (s *shownHeads) await(t testing.TB, n int) []string {
	t.Helper()
	late := time.AfterFunc(patience, s.more.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.all) < n {
		if time.Now().After(deadline) {
			t.Fatalf("%d lines, want %d: %q", len(s.all), n, s.all)
		}
		s.more.Wait()
	}
	return slices.Clone(s.all)
}

// A trace shows each head once, byte for byte, before the line of its request:
// of all kinds of replies, whether they wait for the site or the kernel or not.
func TestTrace(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		const long = 3 << 20 // more than the sockets between hold
		body := pattern(long)
		shown := newShownHeads()
		r := start(t, pages{"/short": memory("short"), "/long": file(t, body)},
			httpd.Options{Poller: poller, Log: shown, Trace: shown})
		type exchange struct {
			target, fields string
			status         int
		}
		var want []string
		c := r.dial()
		for _, x := range []exchange{
			{"/short", "", 200},
			{"/short", "", 200}, // out of the cache
			{"/short", "Range: bytes=1-2\r\n", 206},
			{"/short", "Range: bytes=0-0,3-4\r\n", 206},
			{"/short", "Range: bytes=9-\r\n", 416},
			{"/short", "If-None-Match: *\r\n", 304},
			{"/long", "", 200},
			{"/none", "", 404},
		} {
			head := "GET " + x.target + " HTTP/1.1\r\nHost: h\r\n" + x.fields + "\r\n"
			c.write(head)
			p := c.read("GET")
			if p.status != x.status {
				t.Errorf("%q: status %d, want %d", head, p.status, x.status)
			}
			want = append(want,
				fmt.Sprintf("request %q", head),
				fmt.Sprintf("reply %s %d %q %q", x.target, x.status, "", strings.Join(p.head, "\r\n")+"\r\n\r\n"),
				fmt.Sprintf("log %q %d", "GET "+x.target+" HTTP/1.1", x.status))
		}
		if got := shown.await(t, len(want)); !slices.Equal(got, want) {
			t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// In a pipeline each head is shown once, also where it has to wait and is read a
// second time.
func TestTraceOfPipeline(t *testing.T) {
	shown := newShownHeads()
	r := start(t, numbered{}, httpd.Options{Log: shown, Trace: shown})
	const depth = 200
	var all strings.Builder
	var want []string
	for i := range depth {
		target := fmt.Sprintf("/%d", i%7)
		if i%5 == 1 {
			target = fmt.Sprintf("/once/%d", i)
		}
		all.WriteString(request("GET", target))
		want = append(want, fmt.Sprintf("request %q", request("GET", target)), "reply "+target, "log \"GET "+target)
	}
	c := r.dial()
	go c.write(all.String())
	for range depth {
		c.read("GET")
	}
	got := shown.await(t, len(want))
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("line %d: %q, want %q", i, got[i], want[i])
		}
	}
}

// What is not understood is shown as far as it came, and why it is refused.
func TestTraceOfRefusals(t *testing.T) {
	for _, c := range []struct{ name, sent, head, reply string }{
		{"no request", "\x16\x03\x01 \n\n", "\x16\x03\x01 \n\n",
			`reply - 400 "the method is not a token" "HTTP/1.1 400 Bad Request\r\n`},
		{"what follows the head", "GET / HTTP/1.1\r\n\r\npassword", "GET / HTTP/1.1\r\n\r\n",
			`reply - 400 "no field Host" "HTTP/1.1 400 Bad Request\r\n`},
		{"too late", "GET / HTTP/1.1\r\nHo", "GET / HTTP/1.1\r\nHo",
			`reply - 408 "the head has not come in time" "HTTP/1.1 408 Request Timeout\r\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shown := newShownHeads()
			r := start(t, pages{}, httpd.Options{Log: shown, Trace: shown, HeadTimeout: 20 * time.Millisecond})
			conn := r.dial()
			conn.write(c.sent)
			conn.all()
			got := shown.await(t, 3)
			if want := fmt.Sprintf("request %q", c.head); got[0] != want {
				t.Errorf("got %s, want %s", got[0], want)
			}
			if !strings.HasPrefix(got[1], c.reply) || !strings.HasSuffix(got[1], `\r\n\r\n"`) {
				t.Errorf("got %s, want %s...", got[1], c.reply)
			}
		})
	}
}
