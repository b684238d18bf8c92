package httpd_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"xanadu/web/httpd"
)

// TestProgramSpoolMemoryBound: content in memory has a bound for all together,
// which a program counts for until its end, and what was counted is given back.
func TestProgramSpoolMemoryBound(t *testing.T) {
	s := play(t, map[string]string{"wc": plainHead + `exec wc -c`, "wait": `cat >/dev/null; ` + plainHead + `echo begun; read line <"$DIR/go"`},
		httpd.Options{Programs: &httpd.ProgramOptions{SpoolDir: "/nowhere", MaxSpool: 100 << 20}})
	must(t, syscall.Mkfifo(s.dir+"/go", 0o600))
	post := func(target string, size int) *client {
		c := s.dial()
		go func() {
			c.send("POST " + target + " HTTP/1.1\r\nHost: h\r\n" + chunkedField + "\r\n")
			chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat("x", 1<<20))
			for range size >> 20 {
				if c.send(chunk) != nil {
					return
				}
			}
			c.send("0\r\n\r\n")
		}()
		return c
	}
	if p := post("/cgi-bin/wc", 60<<20).result("POST"); strings.TrimSpace(p.body) != fmt.Sprint(60<<20) {
		t.Errorf("60 MiB: status %d, %q", p.StatusCode, p.body)
	}
	waiting := post("/cgi-bin/wait", 40<<20)
	if _, err := waiting.r.ReadString('\n'); err != nil { // its head has come: it runs
		t.Fatal(err)
	}
	if p := post("/cgi-bin/wc", 30<<20).result("POST"); p.StatusCode != 503 {
		t.Errorf("40 and 30 MiB: status %d, %q", p.StatusCode, p.body)
	}
	const want = "program /cgi-bin/wc: gather content in /nowhere: open: no such file or directory: too much content lies in memory: make room or choose another directory"
	if got := await(t, s.troubles, "a message"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	waiting.Close()
	s.wantNone()
	if p := post("/cgi-bin/wc", 60<<20).result("POST"); strings.TrimSpace(p.body) != fmt.Sprint(60<<20) {
		t.Errorf("60 MiB again: status %d, %q", p.StatusCode, p.body)
	}
	s.wantNone()
}

// TestProgramSpoolMemorySealed: a program cannot fill the memory in which its
// content lies.
func TestProgramSpoolMemorySealed(t *testing.T) {
	s := play(t, map[string]string{"write": plainHead + `head -c 1000 /dev/zero 2>/dev/null >&0 || echo refused`},
		httpd.Options{Programs: &httpd.ProgramOptions{SpoolDir: "/nowhere"}})
	if p := s.dial().post("/cgi-bin/write", chunkedField, inChunks(pattern(100_000), 1000)); p.body != "refused\n" {
		t.Errorf("%q", p.body)
	}
}

// TestProgramSpoolDiskFull: when the disk is full the client is told to come
// again, the error log says so, and nothing is left behind.
func TestProgramSpoolDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	s := play(t, map[string]string{"wc": plainHead + `exec wc -c`}, httpd.Options{Programs: &httpd.ProgramOptions{SpoolDir: dir}})
	for range 3 { // each has the room of the one before
		if p := s.dial().post("/cgi-bin/wc", chunkedField, inChunks(pattern(200_000), 1000)); strings.TrimSpace(p.body) != "200000" {
			t.Errorf("status %d, %q", p.StatusCode, p.body)
		}
		if p := s.dial().post("/cgi-bin/wc", chunkedField, inChunks(pattern(400_000), 1000)); p.StatusCode != 503 || p.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, %q", p.StatusCode, p.body)
		}
		want := "program /cgi-bin/wc: gather content in " + dir + ": pwrite: no space left on device"
		if got := await(t, s.troubles, "a message"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		s.wantNone()
	}
}
