package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/ipc/addr"
	"xanadu/web/cgi"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

// started is what a script writes to a file when it has begun, before it goes
// on to do something for long. The request's query is a part of its name.
const started = `echo $$ >"$DIR/started$QUERY_STRING"; `

// TestProgramClientGone: whatever a program does when its client goes away, and
// however that goes, all of its group is ended.
func TestProgramClientGone(t *testing.T) {
	tests := []struct{ name, script, fields, content string }{
		{"silent", started + `sleep 1000`, "", ""},
		{"silent with children", `sleep 1000 & sleep 1001 & ` + started + `wait`, "", ""},
		{"silent, without TERM", `trap '' TERM; ` + started + `while :; do sleep 0.05; done`, "", ""},
		{"silent after its head", plainHead + started + `sleep 1000`, "", ""},
		{"writes on", plainHead + started + `yes`, "", ""},
		{"writes now and then", plainHead + started + `while :; do echo; sleep 0.02; done`, "", ""},
		{"in the middle of content", started + `cat; sleep 1000`, "Content-Length: 100000\r\n", pattern(70_000)},
		{"in the middle of long content", started + `cat >/dev/null; sleep 1000`, "Content-Length: 1000000\r\n", pattern(500_000)},
		{"content that is not read", started + `sleep 1000`, "Content-Length: 1000000\r\n", pattern(httpd.MaxHeld)},
		{"whole content", `cat >/dev/null; ` + started + `sleep 1000`, "Content-Length: 5\r\n", "hello"},
	}
	scripts := make(map[string]string)
	for i, test := range tests {
		scripts[fmt.Sprint(i)] = test.script
	}
	each(t, func(t *testing.T, poller string) {
		s := play(t, scripts, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{Grace: 100 * time.Millisecond, AtOnce: 100, MaxSpool: httpd.MaxHeld}})
		var clients []*client
		for i, test := range tests {
			for _, how := range []string{"closes", "resets"} {
				c := s.dial()
				query := fmt.Sprintf("%d%s", i, how)
				c.write(fmt.Sprintf("POST /cgi-bin/%d?%s HTTP/1.1\r\nHost: h\r\n%s\r\n%s", i, query, test.fields, test.content))
				s.awaitFile("started" + query)
				if how == "resets" {
					c.Conn.(*net.TCPConn).SetLinger(0)
				}
				clients = append(clients, c)
			}
		}
		if n := s.count(); n < len(clients) {
			t.Fatalf("%d processes run", n)
		}
		for _, c := range clients {
			c.Close()
		}
		s.wantNone()
	})
}

// TestProgramHalfClosed: a client that only ends its side gets its answer, whole
// and as any other.
func TestProgramHalfClosed(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"late":     `sleep 0.7; ` + plainHead + `echo late`,
			"fail":     `sleep 0.1; exit 1`,
			"local":    `sleep 0.1; printf 'Location: /hello.txt\n\n'`,
			"pauses":   plainHead + `echo one; sleep 0.7; echo two`,
			"nph-late": `sleep 0.1; printf 'HTTP/1.0 200 OK\r\n\r\nraw'`,
		}, httpd.Options{Poller: poller})
		tests := []struct{ target, version, want string }{
			{"late", "1.1", "late\n"}, {"local", "1.1", "Hello\n"}, {"pauses", "1.1", "one\ntwo\n"}, {"nph-late", "1.1", "raw"},
			{"late", "1.0", "late\n"}, {"local", "1.0", "Hello\n"}, {"pauses", "1.0", "one\ntwo\n"}, {"nph-late", "1.0", "raw"},
		}
		var clients []*client
		for _, test := range tests {
			c := s.dial()
			c.write("GET /cgi-bin/" + test.target + " HTTP/" + test.version + "\r\nHost: h\r\n\r\n")
			c.closeWrite()
			clients = append(clients, c)
		}
		for i, test := range tests {
			if p := clients[i].result("GET"); p.body != test.want || p.cut != nil || p.StatusCode != 200 {
				t.Errorf("%v: %d %q, %v", test, p.StatusCode, p.body, p.cut)
			}
			clients[i].wantEnd()
		}
		c := s.dial()
		c.write(request("GET", "/cgi-bin/fail"))
		c.closeWrite()
		if p := c.result("GET"); p.StatusCode != 502 || !strings.HasPrefix(p.body, "<!DOCTYPE html>") {
			t.Errorf("fail: %d %q", p.StatusCode, p.body)
		}
		c.wantEnd()
	})
}

// TestProgramGoneBeforeItsTurn: who gives up waiting loses the place.
func TestProgramGoneBeforeItsTurn(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"block": started + `read go <"$DIR/fifo"; ` + plainHead + `echo done`, "touch": `: >"$DIR/touched"; ` + plainHead},
			httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{AtOnce: 1, Wait: patience}})
		tell := s.fifo()
		first := s.dial()
		first.write(request("GET", "/cgi-bin/block"))
		s.awaitFile("started")
		for range 5 {
			c := s.dial()
			c.write(request("GET", "/cgi-bin/touch"))
			s.awaitWaiting(1)
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
			s.awaitWaiting(0)
		}
		tell()
		if p := first.result("GET"); p.body != "done\n" {
			t.Errorf("%d %q", p.StatusCode, p.body)
		}
		s.wantNone()
		if _, err := os.Stat(filepath.Join(s.dir, "touched")); err == nil {
			t.Error("a program was run for a client that had gone")
		}
	})
}

// TestProgramTime: a program that says nothing any more is ended.
func TestProgramTime(t *testing.T) {
	eachOfTwo(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"silent":   `sleep 1000 & sleep 1000`,
			"headed":   plainHead + `echo begun; sleep 1000`,
			"stubborn": `trap '' TERM; while :; do sleep 0.05; done`,
			"closed":   plainHead + `exec >&- 2>&-; sleep 1000`,
			"left":     plainHead + `echo left; sleep 1000 & exit 0`,
		}, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{Silence: 3 * short, Grace: short, AtOnce: 20}})
		ask := func(target string) *client {
			c := s.dial()
			c.write(request("GET", "/cgi-bin/"+target))
			return c
		}
		tests := []struct {
			target string
			status int
			body   string // of status 200
			cut    bool
		}{
			{"silent", 504, "", false}, {"stubborn", 504, "", false}, {"headed", 200, "begun\n", true}, {"left", 200, "left\n", true},
			{"closed", 200, "", false},
		}
		var clients []*client
		for _, test := range tests {
			clients = append(clients, ask(test.target))
		}
		for i, test := range tests {
			c := clients[i]
			inTime(t, func() error {
				p := c.result("GET")
				if p.StatusCode == 504 && test.status == 200 {
					c = ask(test.target)
					return fmt.Errorf("%s: it has not begun in time", test.target)
				}
				if p.StatusCode != test.status || p.StatusCode == 200 && p.body != test.body || (p.cut != nil) != test.cut {
					t.Errorf("%s: status %d, %q, cut %v; want %d, %q, %t", test.target, p.StatusCode, p.body, p.cut, test.status, test.body, test.cut)
				}
				return nil
			})
			if !test.cut {
				c.wantAlive()
			}
		}
		s.wantNone()
	})
}

// TestProgramDribble: one that says something now and then goes on for as long as
// it likes.
func TestProgramDribble(t *testing.T) {
	t.Parallel()
	const silence, dots = 3 * short, 10 // one for each tick
	s := play(t, map[string]string{"p": plainHead + fmt.Sprintf(`for i in $(seq %d); do read go; printf .; done <"$DIR/fifo"`, dots)},
		httpd.Options{Programs: &httpd.ProgramOptions{Silence: silence}})
	tell := s.fifo()
	inTime(t, func() error {
		c := s.dial()
		defer c.Close()
		began := time.Now()
		pace := time.NewTicker(short)
		defer pace.Stop()
		c.write(request("GET", "/cgi-bin/p"))
		p, err := http.ReadResponse(c.r, nil)
		must(t, err)
		if p.StatusCode != 200 {
			return fmt.Errorf("status %d", p.StatusCode)
		}
		for i := range dots {
			<-pace.C
			tell()
			var dot [1]byte
			if _, err := io.ReadFull(p.Body, dot[:]); err != nil {
				return fmt.Errorf("after %d dots: %w", i, err)
			}
		}
		if rest, err := io.ReadAll(p.Body); len(rest) > 0 || err != nil {
			t.Errorf("more: %q, %v", rest, err)
		}
		if took := time.Since(began); took < 2*silence {
			t.Errorf("all was said after %v", took)
		}
		return nil
	})
}

// TestProgramBounds: output, processor time and memory have an end.
func TestProgramBounds(t *testing.T) {
	t.Parallel()
	s := play(t, map[string]string{
		"endless": plainHead + `yes`,
		"burn":    `while :; do :; done`,
		"swell":   `x=$(head -c 200000000 /dev/zero | tr '\0' x) && ` + plainHead + `echo "${#x}"`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{
		MaxOutput: 1 << 20, AtOnce: 20, Limits: cgi.Limits{CPU: time.Second, Memory: 64 << 20}, Nice: -1,
	}})
	burn := s.dial()
	burn.write(request("GET", "/cgi-bin/burn"))
	if p := s.dial().run("/cgi-bin/endless"); p.cut == nil || len(p.body) > 1<<20 {
		t.Errorf("endless: %d octets, %v", len(p.body), p.cut)
	}
	if got := await(t, s.troubles, "a message"); got != "program /cgi-bin/endless: it writes more than 1048576 octets" {
		t.Errorf("%q", got)
	}
	if p := s.dial().run("/cgi-bin/swell"); p.StatusCode != 502 {
		t.Errorf("swell: %d %q", p.StatusCode, p.body)
	}
	if p := burn.result("GET"); p.StatusCode != 502 {
		t.Errorf("burn: %d", p.StatusCode)
	}
	s.wantNone()
}

// TestProgramNice: programs make way for documents from the beginning, and a long
// one makes way for everybody.
func TestProgramNice(t *testing.T) {
	t.Parallel()
	said, err := exec.Command("nice").Output()
	must(t, err)
	own, err := strconv.Atoi(strings.TrimSpace(string(said)))
	must(t, err)
	if own == 19 {
		t.Skip("these tests run with the nice value 19, and there is none above it")
	}
	s := play(t, map[string]string{
		"short": plainHead + `exec nice`,
		"long":  plainHead + fmt.Sprintf(`while [ "$(nice)" = %d ]; do sleep 0.01; done; nice`, own),
	}, httpd.Options{Programs: &httpd.ProgramOptions{Nice: max(own+1, 1)}})
	want := fmt.Sprintf("%d\n", max(own+1, 1))
	c := s.dial()
	if p := c.run("/cgi-bin/long"); p.body != want || p.cut != nil {
		t.Errorf("a long program has the nice value %s (%v), want %s", p.body, p.cut, want)
	}
	// One that takes longer shows nothing: it has become nice as any long one.
	const young, enough = 20 * time.Millisecond, 20
	in := 0
	for began := time.Now(); in < enough && time.Since(began) < patience; {
		c.wantAlive()
		asked := time.Now()
		p := c.run("/cgi-bin/short")
		if time.Since(asked) > young {
			continue
		}
		if p.body == want {
			return
		}
		in++ // before it could be made nice
	}
	if in == enough {
		t.Errorf("beside documents a program has the nice value %d", own)
	}
}

// TestProgramQueue: so many run, so many wait, and others are told to come again.
func TestProgramQueue(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"block": started + `read go <"$DIR/fifo"; ` + plainHead + `echo $QUERY_STRING`},
			httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{AtOnce: 1, Queue: 2, Wait: patience}})
		tell := s.fifo()
		var waiting []*client
		for i := range 3 {
			c := s.dial()
			c.write(request("GET", fmt.Sprintf("/cgi-bin/block?%d", i)))
			waiting = append(waiting, c)
			if i == 0 {
				s.awaitFile("started0")
			}
			s.awaitWaiting(i)
		}
		full := s.dial()
		if p := full.run("/cgi-bin/block?full"); p.StatusCode != 503 || p.Header.Get("Retry-After") == "" {
			t.Errorf("the queue is full: %d, %v", p.StatusCode, p.Header)
		}
		full.wantAlive() // documents are served all the time
		for i, c := range waiting {
			s.awaitFile(fmt.Sprint("started", i))
			tell()
			if p := c.result("GET"); p.body != fmt.Sprintf("%d\n", i) {
				t.Errorf("%d: %d %q", i, p.StatusCode, p.body)
			}
		}
	})
}

// awaitWaiting waits until n requests wait for a program to end.
func (s *stage) awaitWaiting(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%d requests in the queue", n), func() bool { return httpd.Waiting(s.Server) == n })
}

// TestProgramWait: nobody waits for long.
func TestProgramWait(t *testing.T) {
	eachOfTwo(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"block": started + `sleep 1000`},
			httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{AtOnce: 1, Wait: 100 * time.Millisecond}})
		first := s.dial()
		first.write(request("GET", "/cgi-bin/block"))
		s.awaitFile("started")
		late := s.dial()
		if p := late.run("/cgi-bin/block"); p.StatusCode != 503 || p.Header.Get("Retry-After") == "" {
			t.Errorf("%d, %v", p.StatusCode, p.Header)
		}
		late.wantAlive()
	})
}

// TestProgramNoDescriptors: what cannot be started for want of something is 503,
// and what it is shows in the error log; never the source.
func TestProgramNoDescriptors(t *testing.T) {
	s := play(t, map[string]string{"p": plainHead + `echo ran`}, httpd.Options{})
	c := s.dial()
	c.wantAlive()
	for left := range 14 {
		func() {
			spare := make([]int, left)
			for i := range spare {
				var err error
				spare[i], err = syscall.Dup(0)
				must(t, err)
			}
			defer exhaust(t)()
			for _, fd := range spare {
				syscall.Close(fd)
			}
			c.write(request("GET", "/cgi-bin/p"))
			p := c.result("GET")
			switch {
			case p.StatusCode == 200 && p.body == "ran\n":
			case p.StatusCode == 503 && strings.HasPrefix(p.body, "<!DOCTYPE html>"):
			default:
				t.Errorf("%d descriptors: %d %q", left, p.StatusCode, p.body)
			}
		}()
	}
	if p := c.run("/cgi-bin/p"); p.body != "ran\n" {
		t.Errorf("afterwards: %d %q", p.StatusCode, p.body)
	}
}

// TestProgramShutdown: a program under way is waited for, one that nobody waits
// for is ended, and at the end of the grace time all are.
func TestProgramShutdown(t *testing.T) {
	scripts := map[string]string{
		"answers": started + `read go <"$DIR/fifo"; ` + plainHead + `echo done`,
		"served":  plainHead + `echo served; ` + started + `exec >&-; sleep 1000`,
		"stays":   `trap '' TERM; ` + started + `while :; do sleep 0.05; done`,
	}
	each(t, func(t *testing.T, poller string) {
		s := play(t, scripts, httpd.Options{Poller: poller})
		tell := s.fifo()
		served := s.dial()
		if p := served.run("/cgi-bin/served"); p.body != "served\n" {
			t.Errorf("%d %q", p.StatusCode, p.body)
		}
		s.awaitFile("started")
		must(t, os.Remove(filepath.Join(s.dir, "started")))
		c := s.dial()
		c.write(request("GET", "/cgi-bin/answers"))
		s.awaitFile("started")
		s.Shutdown(patience)
		tell()
		if p := c.result("GET"); p.body != "done\n" {
			t.Errorf("%d %q", p.StatusCode, p.body)
		}
		c.Close()
		s.wait()
		s.wantNone()

		s = play(t, scripts, httpd.Options{Poller: poller})
		c = s.dial()
		c.write(request("GET", "/cgi-bin/stays"))
		s.awaitFile("started")
		s.Shutdown(0)
		s.wait()
		s.wantNone()
	})
}

// TestProgramUnix: over a UNIX socket the kernel tells at once who is gone.
func TestProgramUnix(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		dir := t.TempDir()
		install(t, dir, map[string]string{"silent": started + `sleep 1000`, "addr": plainHead + `echo "$REMOTE_ADDR $SERVER_NAME $SERVER_PORT"`})
		docs, err := site.New(filepath.Join(dir, "docs"), &site.Options{Programs: filepath.Join(dir, "programs")})
		must(t, err)
		t.Cleanup(func() { docs.Close() })
		a, err := addr.Path(addr.Unix, filepath.Join(kit.SocketDir(t), "s"))
		must(t, err)
		s := &stage{startAt(t, a, docs, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{
			Gateway: cgi.Gateway{Inherit: []string{"PATH=/usr/bin:/bin", "DIR=" + dir}},
		}}), dir}
		if p := s.dial().run("/cgi-bin/addr"); p.body != "127.0.0.1 h 80\n" {
			t.Errorf("%q", p.body)
		}
		c := s.dial()
		c.write(request("GET", "/cgi-bin/silent"))
		s.awaitFile("started")
		c.Close()
		s.wantNone()
	})
}

// TestProgramSlowClient: a client that takes its fair part is waited for, and so
// is not the program; one that takes nothing is cut, and the program ended.
func TestProgramSlowClient(t *testing.T) {
	const timeout = 3 * short
	const much = 8_000_000 // more than is on its way to a client that takes little at once
	eachOfTwo(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"much": plainHead + fmt.Sprintf(`exec head -c %d /dev/zero`, much)},
			httpd.Options{Poller: poller, ReplyTimeout: timeout, Programs: &httpd.ProgramOptions{Silence: timeout}})
		inTime(t, func() error {
			c := s.dial()
			defer c.Close()
			must(t, c.Conn.(*net.TCPConn).SetReadBuffer(64<<10))
			c.write(request("GET", "/cgi-bin/much"))
			began := time.Now()
			p, err := http.ReadResponse(c.r, nil)
			must(t, err)
			if p.StatusCode != 200 {
				return fmt.Errorf("status %d", p.StatusCode)
			}
			pace := time.NewTicker(timeout / 6)
			defer pace.Stop()
			for i := range 16 {
				<-pace.C
				if _, err := io.CopyN(io.Discard, p.Body, much/16); err != nil {
					return fmt.Errorf("after %d of 16 parts: %w", i, err)
				}
			}
			if rest, err := io.ReadAll(p.Body); len(rest) > 0 || err != nil {
				t.Errorf("more: %d octets, %v", len(rest), err)
			}
			if took := time.Since(began); took < 2*timeout {
				t.Errorf("the slow client had all after %v", took)
			}
			return nil
		})
		c := s.dial()
		c.write(request("GET", "/cgi-bin/much"))
		s.wantNone()
	})
}
