package httpd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"xanadu/web/httpd"
)

const chunkedField = "Transfer-Encoding: chunked\r\n"

// TestProgramSpoolElsewhere: where no file can be made, content lies in memory
// on Linux and is refused by others.
func TestProgramSpoolElsewhere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o644))
	closed := filepath.Join(dir, "closed")
	must(t, os.Mkdir(closed, 0o500))
	for name, spoolDir := range map[string]string{"missing": dir + "/none", "a file": file, "not writable": closed} {
		t.Run(name, func(t *testing.T) {
			s := play(t, map[string]string{"cat": plainHead + `exec cat`},
				httpd.Options{Programs: &httpd.ProgramOptions{SpoolDir: spoolDir}})
			c := s.dial()
			content := pattern(300_000)
			p := c.post("/cgi-bin/cat", chunkedField, inChunks(content, 1000))
			if runtime.GOOS == "linux" || name == "not writable" && os.Getuid() == 0 {
				if p.body != content {
					t.Errorf("status %d, %d octets back", p.StatusCode, len(p.body))
				}
				c.wantAlive()
			} else {
				if p.StatusCode != 503 || p.Header.Get("Retry-After") == "" {
					t.Errorf("status %d", p.StatusCode)
				}
				if got := await(t, s.troubles, "a message"); !strings.HasPrefix(got, "program /cgi-bin/cat: gather content in "+spoolDir+": ") {
					t.Errorf("%q", got)
				}
			}
			c = s.dial()
			if p := c.post("/cgi-bin/cat", chunkedField, inChunks("short", 2)); p.body != "short" {
				t.Errorf("%d %q", p.StatusCode, p.body)
			}
			s.wantNone()
		})
	}
}

// TestProgramSpoolLeavesNothing: a file of content has no name, whatever comes
// of the request.
func TestProgramSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := play(t, map[string]string{
		"list": plainHead + `ls -A "` + dir + `"; exec wc -c`,
	}, httpd.Options{Programs: &httpd.ProgramOptions{SpoolDir: dir, MaxSpool: 1 << 20}})
	c := s.dial()
	if p := c.post("/cgi-bin/list", chunkedField, inChunks(pattern(300_000), 1000)); strings.TrimSpace(p.body) != "300000" {
		t.Errorf("while a program has the file, %q", p.body)
	}
	if p := c.post("/cgi-bin/list", chunkedField, inChunks(pattern(1<<20+1), 1000)); p.StatusCode != 413 {
		t.Errorf("status %d", p.StatusCode)
	}
	c = s.dial()
	c.write("POST /cgi-bin/list HTTP/1.1\r\nHost: h\r\n" + chunkedField + fmt.Sprintf("\r\n%x\r\n", 200_000) + pattern(150_000))
	c.Close()
	s.wantNone()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
}

// TestProgramSpoolShare: one client does not take up all that may lie in files.
func TestProgramSpoolShare(t *testing.T) {
	s := play(t, map[string]string{"wc": plainHead + `exec wc -c`}, httpd.Options{Programs: &httpd.ProgramOptions{MaxSpool: 128 << 10}})
	var hogs []*client
	refused := 0
	for range 48 { // each has 64 KiB in a file, and 32 of them are half of 32 times 128 KiB
		c := s.dial()
		defer c.Close()
		c.write("POST /cgi-bin/wc HTTP/1.1\r\nHost: h\r\n" + length(pattern(128<<10)) + "\r\n" + pattern(128 << 10)[1:])
		hogs = append(hogs, c)
	}
	for range 16 {
		const want = "program /cgi-bin/wc: gather content in "
		if got := await(t, s.troubles, "a message"); strings.HasPrefix(got, want) && strings.HasSuffix(got, ": the client's content takes up its share of what may lie in files") {
			refused++
		}
	}
	if refused != 16 {
		t.Errorf("%d of 48 contents are refused, want 16", refused)
	}
	if httpd.SpoolRate(s.Server) <= 500 {
		t.Errorf("files are half full, and %d octets a second do", httpd.SpoolRate(s.Server))
	}
	for _, c := range hogs {
		c.Close()
	}
	s.wantNone()
	if got := httpd.SpoolRate(s.Server); got != 500 {
		t.Errorf("files are empty, and %d octets a second are demanded", got)
	}
}
