package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
const started = `echo $$ >"$DIR/new$QUERY_STRING"; mv "$DIR/new$QUERY_STRING" "$DIR/started$QUERY_STRING"; `

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
		{"in the middle of short content", started + `cat; sleep 1000`, "Content-Length: 100000\r\n", "hello"},
		{"in the middle of long content", started + `cat >/dev/null; sleep 1000`, "Content-Length: 1000000\r\n", pattern(500_000)},
		{"content that is not read", started + `sleep 1000`, "Content-Length: 1000000\r\n", pattern(60_000)},
		{"whole content", `cat >/dev/null; ` + started + `sleep 1000`, "Content-Length: 5\r\n", "hello"},
	}
	scripts := make(map[string]string)
	for i, test := range tests {
		scripts[fmt.Sprint(i)] = test.script
	}
	each(t, func(t *testing.T, poller string) {
		s := play(t, scripts, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{Grace: 100 * time.Millisecond, AtOnce: 100}})
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
			httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{AtOnce: 1}})
		must(t, syscall.Mkfifo(filepath.Join(s.dir, "fifo"), 0o600))
		first := s.dial()
		first.write(request("GET", "/cgi-bin/block"))
		s.awaitFile("started")
		for range 5 {
			c := s.dial()
			c.write(request("GET", "/cgi-bin/touch"))
			s.barrier() // it waits now
			c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		s.barrier()
		must(t, os.WriteFile(filepath.Join(s.dir, "fifo"), []byte("go\n"), 0))
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
			"leftout":  plainHead + `echo left; sleep 1000 >/dev/null 2>&1 & exit 0`,
		}, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{Silence: 700 * time.Millisecond, Grace: 100 * time.Millisecond, AtOnce: 20}})
		ask := func(target string) *client {
			c := s.dial()
			c.write(request("GET", "/cgi-bin/"+target))
			return c
		}
		silent, headed, stubborn, closed, left, leftout := ask("silent"), ask("headed"), ask("stubborn"), ask("closed"), ask("left"), ask("leftout")
		for _, c := range []*client{silent, stubborn} {
			if p := c.result("GET"); p.StatusCode != 504 {
				t.Errorf("status %d", p.StatusCode)
			}
			c.wantAlive()
		}
		for _, c := range []*client{headed, left} {
			if p := c.result("GET"); p.StatusCode != 200 || p.cut == nil {
				t.Errorf("status %d, %q and its end", p.StatusCode, p.body)
			}
		}
		for c, want := range map[*client]string{closed: "", leftout: "left\n"} {
			if p := c.result("GET"); p.body != want || p.cut != nil {
				t.Errorf("%q, %v; want %q", p.body, p.cut, want)
			}
			c.wantAlive()
		}
		s.wantNone()
	})
}

// TestProgramDribble: one that says something now and then goes on for as long as
// it likes.
func TestProgramDribble(t *testing.T) {
	t.Parallel()
	s := play(t, map[string]string{"p": plainHead + `while read go; do printf .; done <"$DIR/fifo"`},
		httpd.Options{Programs: &httpd.ProgramOptions{Silence: time.Second}})
	must(t, syscall.Mkfifo(filepath.Join(s.dir, "fifo"), 0o600))
	c := s.dial()
	c.write(request("GET", "/cgi-bin/p"))
	fifo, err := os.OpenFile(filepath.Join(s.dir, "fifo"), os.O_WRONLY, 0)
	must(t, err)
	for range 15 {
		_, err := io.WriteString(fifo, "go\n")
		must(t, err)
		time.Sleep(100 * time.Millisecond)
	}
	must(t, fifo.Close())
	if p := c.result("GET"); p.body != "..............." || p.cut != nil {
		t.Errorf("%q, %v", p.body, p.cut)
	}
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
	s := play(t, map[string]string{
		"short": plainHead + `exec nice`,
		"later": plainHead + `sleep 0.2; nice`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{Nice: 7}})
	c := s.dial()
	own := c.run("/cgi-bin/short").body
	if p := c.run("/cgi-bin/later"); p.body == own {
		t.Errorf("a long program has the nice value %s", p.body)
	}
	c.wantAlive()
	if p := c.run("/cgi-bin/later"); p.body == own {
		t.Errorf("beside documents a program has the nice value %s", p.body)
	}
}

// TestProgramQueue: so many run, so many wait, and others are told to come again.
func TestProgramQueue(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"block": started + `read go <"$DIR/fifo"; ` + plainHead + `echo $QUERY_STRING`},
			httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{AtOnce: 1, Queue: 2}})
		fifo := filepath.Join(s.dir, "fifo")
		must(t, syscall.Mkfifo(fifo, 0o600))
		var waiting []*client
		for i := range 3 {
			c := s.dial()
			c.write(request("GET", fmt.Sprintf("/cgi-bin/block?%d", i)))
			waiting = append(waiting, c)
			s.barrier()
		}
		full := s.dial()
		if p := full.run("/cgi-bin/block?full"); p.StatusCode != 503 || p.Header.Get("Retry-After") == "" {
			t.Errorf("the queue is full: %d, %v", p.StatusCode, p.Header)
		}
		full.wantAlive() // documents are served all the time
		for i, c := range waiting {
			s.awaitFile(fmt.Sprint("started", i))
			must(t, os.WriteFile(fifo, []byte("go\n"), 0))
			if p := c.result("GET"); p.body != fmt.Sprintf("%d\n", i) {
				t.Errorf("%d: %d %q", i, p.StatusCode, p.body)
			}
		}
	})
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
		must(t, syscall.Mkfifo(filepath.Join(s.dir, "fifo"), 0o600))
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
		must(t, os.WriteFile(filepath.Join(s.dir, "fifo"), []byte("go\n"), 0))
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
		if p := s.dial().run("/cgi-bin/addr"); p.body != "0.0.0.0 h 80\n" {
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
	eachOfTwo(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{"much": plainHead + started + `head -c 20000000 /dev/zero`},
			httpd.Options{Poller: poller, ReplyTimeout: 500 * time.Millisecond, Programs: &httpd.ProgramOptions{Silence: 500 * time.Millisecond}})
		c := s.dial()
		c.write(request("GET", "/cgi-bin/much"))
		p, err := http.ReadResponse(c.r, nil)
		must(t, err)
		// 20 MB in 20 parts with pauses is far beyond either time.
		n := 0
		for range 20 {
			time.Sleep(40 * time.Millisecond)
			got, err := io.CopyN(io.Discard, p.Body, 1_000_000)
			n += int(got)
			must(t, err)
		}
		if rest, err := io.ReadAll(p.Body); n+len(rest) != 20_000_000 || err != nil {
			t.Errorf("%d octets, %v", n+len(rest), err)
		}
		c = s.dial()
		c.write(request("GET", "/cgi-bin/much"))
		s.wantNone()
	})
}
