package httpd_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"xanadu/web/httpd"
)

// plainHead is the beginning of a script that says that text follows.
const plainHead = "printf 'Content-Type: text/plain\\n\\n'\n"

// post writes a request with content and reads the response, both at once.
func (c *client) post(target, fields, content string) *result {
	c.t.Helper()
	sent := make(chan error, 1)
	go func() { sent <- c.send("POST " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + content) }()
	p := c.result("POST")
	if err := <-sent; err != nil && p.StatusCode < 400 {
		c.t.Errorf("the server does not take the content: %v", err)
	}
	return p
}

func length(content string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(content)) }

// inChunks frames content in chunks of a size.
func inChunks(content string, size int) string {
	var b strings.Builder
	for len(content) > 0 {
		piece := content[:min(size, len(content))]
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
		content = content[len(piece):]
	}
	b.WriteString("0\r\nX-Trailer: x\r\n\r\n")
	return b.String()
}

// eachWay runs a test under every poller, with content above 64 KiB that goes to a
// program as it comes, and under the best one also with content that is gathered.
func eachWay(t *testing.T, test func(t *testing.T, opt httpd.Options)) {
	each(t, func(t *testing.T, poller string) {
		test(t, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{MaxSpool: httpd.MaxHeld}})
	})
	t.Run("gathered", func(t *testing.T) {
		t.Parallel()
		test(t, httpd.Options{Poller: pollers()[0], Programs: &httpd.ProgramOptions{}})
	})
}

// TestProgramContent: programs that read and write in any order get all of the
// content, or what they want of it, with its true length.
func TestProgramContent(t *testing.T) {
	const much = 1 << 20 // more than all pipes and sockets on the way hold, but for the largest
	scripts := map[string]string{
		// cat reads and writes as it goes.
		"echo": plainHead + `exec cat`,
		// All before, and all after: the deadlock of two full pipes.
		"readfirst":  `n=$(wc -c); ` + plainHead + `echo $CONTENT_LENGTH $n $CONTENT_TYPE`,
		"writefirst": plainHead + `head -c 10000000 /dev/zero; wc -c`,
		"ignore":     plainHead + `echo ignored`,
		"ignoremuch": plainHead + `head -c 1048576 /dev/zero`,
		"close":      `exec <&-; ` + plainHead + `head -c 1048576 /dev/zero`,
		"some":       plainHead + `head -c 10`,
	}
	eachWay(t, func(t *testing.T, opt httpd.Options) {
		s := play(t, scripts, opt)
		contents := []string{"", "x", pattern(65536), pattern(65537), pattern(much)}
		if opt.Poller == pollers()[0] {
			contents = append(contents, strings.Repeat(pattern(5_000_000), 4))
		}
		for _, content := range contents {
			size := len(content)
			c := s.dial()
			if p := c.post("/cgi-bin/echo", length(content), content); p.body != content {
				t.Errorf("%d octets: echo of %d, %v", size, len(p.body), p.cut)
			}
			p := c.post("/cgi-bin/readfirst", length(content)+"Content-Type: x/y\r\n", content)
			if want := fmt.Sprintf("%d %d x/y\n", size, size); p.body != want {
				t.Errorf("%d octets: %q, want %q", size, p.body, want)
			}
			c.wantAlive()
			c.Close()
		}
		content := pattern(much)
		c := s.dial()
		p := c.post("/cgi-bin/writefirst", length(content), content)
		if want := strings.Repeat("\x00", 10_000_000) + fmt.Sprintf("%d\n", much); p.body != want {
			t.Errorf("10 MB first: %d octets, %v", len(p.body), p.cut)
		}
		c.wantAlive()
		// Who does not want the content answers all the same. The rest is passed
		// over, or ends the connection, but not before the client has sent it.
		for _, size := range []int{1, much} {
			content := pattern(size)
			for target, want := range map[string]int{"ignore": len("ignored\n"), "ignoremuch": 1 << 20, "close": 1 << 20, "some": min(size, 10)} {
				c := s.dial()
				if p := c.post("/cgi-bin/"+target, length(content), content); len(p.body) != want {
					t.Errorf("%d octets: %s: %d octets, %v", size, target, len(p.body), p.cut)
				}
				if size == 1 {
					c.wantAlive()
				}
			}
		}
		s.wantNone()
	})
}

// TestProgramRedirectWithContent: content that a program leaves unread is not for
// the one it redirects to.
func TestProgramRedirectWithContent(t *testing.T) {
	eachWay(t, func(t *testing.T, opt httpd.Options) {
		opt.Programs.AtOnce = 1 // the target has to wait for a place
		s := play(t, map[string]string{
			"redirect": `printf 'Location: /cgi-bin/target\n\n'; sleep 0.05`,
			"target":   plainHead + `wc -c; echo "$REQUEST_METHOD $CONTENT_LENGTH"`,
		}, opt)
		for _, size := range []int{5, 200_000} {
			c := s.dial()
			content := pattern(size)
			if p := c.post("/cgi-bin/redirect", length(content), content); p.body != "0\nGET \n" {
				t.Errorf("%d octets: %d %q", size, p.StatusCode, p.body)
			}
			c.wantAlive()
		}
	})
}

// TestProgramChunked: content in chunks is gathered and has a true length.
func TestProgramChunked(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"sum": `sum=$(cksum); ` + plainHead + `echo $CONTENT_LENGTH $sum $HTTP_TRANSFER_ENCODING$HTTP_TRAILER$HTTP_X_TRAILER`,
			"cat": plainHead + `exec cat`,
		}, httpd.Options{Poller: poller, Programs: &httpd.ProgramOptions{MaxSpool: 1 << 20}})
		c := s.dial()
		for _, size := range []int{0, 1, 1000, 65535, 65536, 65537, 200_000, 1 << 20} {
			content := pattern(size)
			if p := c.post("/cgi-bin/cat", "Transfer-Encoding: chunked\r\n", inChunks(content, 70_000)); p.body != content {
				t.Errorf("%d octets: %d back, status %d", size, len(p.body), p.StatusCode)
			}
			p := c.post("/cgi-bin/sum", "Transfer-Encoding: chunked\r\n", inChunks(content, 1001))
			if !strings.HasPrefix(p.body, fmt.Sprintf("%d ", size)) || strings.Count(p.body, " ") != 2 {
				t.Errorf("%d octets: %q", size, p.body)
			}
		}
		c.wantAlive()
		if p := c.post("/cgi-bin/cat", "Transfer-Encoding: chunked\r\n", inChunks(pattern(1<<20+1), 1000)); p.StatusCode != 413 {
			t.Errorf("too much: %d", p.StatusCode)
		}
		for _, bad := range []string{"x\r\n", "5\r\nhelloX", "-1\r\n"} {
			if p := s.dial().post("/cgi-bin/cat", "Transfer-Encoding: chunked\r\n", bad); p.StatusCode != 400 {
				t.Errorf("%q: %d", bad, p.StatusCode)
			}
		}
		if left, _ := os.ReadDir(s.dir); len(left) != 2 {
			t.Errorf("files are left: %v", left)
		}
	})
}

// TestProgramContinue: 100 is sent when a program is to have the content, and
// only then.
func TestProgramContinue(t *testing.T) {
	eachWay(t, func(t *testing.T, opt httpd.Options) {
		s := play(t, map[string]string{"echo": plainHead + `exec cat`}, opt)
		for _, size := range []int{5, 100_000} {
			content := pattern(size)
			c := s.dial()
			for range 2 {
				c.write("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + length(content) + "\r\n")
				line, err := c.r.ReadString('\n')
				if line != "HTTP/1.1 100 Continue\r\n" || err != nil {
					t.Fatalf("%q, %v", line, err)
				}
				c.r.ReadString('\n')
				go c.send(content)
				if p := c.result("POST"); p.body != content {
					t.Errorf("%d octets: %d back, %v", size, len(p.body), p.cut)
				}
			}
			// The content is there already.
			p := c.post("/cgi-bin/echo", "Expect: 100-continue\r\n"+length(content), content)
			if p.StatusCode == 100 {
				p = c.result("POST")
			}
			if p.body != content {
				t.Errorf("%d octets: status %d, %d octets", size, p.StatusCode, len(p.body))
			}
			c.Close()
		}
		c := s.dial()
		c.write("POST /cgi-bin/none HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		if p := c.result("POST"); p.StatusCode != 404 {
			t.Errorf("status %d", p.StatusCode)
		}
	})
}

// TestProgramContentTime: a client that stops in the middle of its content, or
// trickles, is not waited for.
func TestProgramContentTime(t *testing.T) {
	eachOfTwo(t, func(t *testing.T, poller string) {
		s := play(t, map[string]string{
			"cat":  `body=$(cat); ` + plainHead + `echo "$body"`,
			"echo": plainHead + `echo begun; exec cat`,
		}, httpd.Options{Poller: poller, ContentTimeout: 200 * time.Millisecond, Programs: &httpd.ProgramOptions{MaxSpool: httpd.MaxHeld}})
		for _, promised := range []int{10, 100_000} {
			c := s.dial()
			c.write(fmt.Sprintf("POST /cgi-bin/cat HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\nhello", promised))
			if p := c.result("POST"); p.StatusCode != 408 {
				t.Errorf("%d promised: status %d", promised, p.StatusCode)
			}
		}
		inTime(t, func() error {
			c := s.dial()
			c.write("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + pattern(70_000))
			p := c.result("POST")
			if p.StatusCode == 408 {
				return errors.New("the program has not begun before the client's time was over")
			}
			if p.cut == nil {
				t.Errorf("status %d, %q and its end", p.StatusCode, p.body)
			}
			return nil
		})
		s.wantNone()
	})
}
