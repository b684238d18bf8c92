package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// plantPrograms makes a directory with an executable file for each script.
func plantPrograms(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Four programs run at once for each core, however many loops there are and
// whatever the command makes of GOMAXPROCS for them.
func TestProgramsPerCore(t *testing.T) {
	for _, c := range []struct {
		name, cores string
		flags       []string
		want        int
	}{
		{"one core", "1", nil, 8},
		{"three cores", "3", nil, 12},
		{"many loops", "3", []string{"--loops", "9"}, 12},
		{"as said", "3", []string{"--cgi-max", "5"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// Each program notes how many run while it does.
			programs := plantPrograms(t, map[string]string{"wait": `mkdir "$NOTES/running/$$"
ls "$NOTES/running" | wc -l >>"$NOTES/counts"
while [ ! -e "$NOTES/go" ]; do sleep 0.01; done
rmdir "$NOTES/running/$$"
printf 'Content-Type: text/plain\n\n'
`})
			notes := t.TempDir()
			if err := os.Mkdir(filepath.Join(notes, "running"), 0o777); err != nil {
				t.Fatal(err)
			}
			flags := append([]string{"-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, "--cgi-env", "NOTES"}, c.flags...)
			cmd := &command{Cmd: sws(t, append(flags, documents(t, 1))...)}
			cmd.Env = append(cmd.Env, "GOMAXPROCS="+c.cores, "NOTES="+notes)
			cmd.begin(t)
			cmd.listens(t)
			var clients []net.Conn
			for range c.want + 5 {
				conn := cmd.dial(t)
				clients = append(clients, conn)
				io.WriteString(conn, "GET /cgi-bin/wait HTTP/1.0\r\n\r\n")
			}
			counts := func() []string {
				b, _ := os.ReadFile(filepath.Join(notes, "counts"))
				return strings.Fields(string(b))
			}
			eventually(t, "programs that run", func() bool { return len(counts()) >= c.want })
			if err := os.WriteFile(filepath.Join(notes, "go"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
			for _, conn := range clients {
				if b, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") {
					t.Errorf("%q, %v", b, err)
				}
			}
			most := 0
			for _, count := range counts() {
				n, err := strconv.Atoi(count)
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, n)
			}
			if most != c.want || len(counts()) != c.want+5 {
				t.Errorf("%d of %d programs run at once, want %d of %d", most, len(counts()), c.want, c.want+5)
			}
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, "")
		})
	}
}

// Content that waits for its program lies in TMPDIR, whatever directory the
// server is in, and needs none that can be written.
func TestProgramsContentInTMPDIR(t *testing.T) {
	for _, tmpdir := range []string{"tmp", "missing"} {
		t.Run(tmpdir, func(t *testing.T) {
			if tmpdir == "missing" && runtime.GOOS != "linux" {
				t.Skip("only Linux has files in memory")
			}
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
				t.Fatal(err)
			}
			programs := plantPrograms(t, map[string]string{"stdin": "printf 'Content-Type: text/plain\\n\\n'\nreadlink /dev/fd/0\nwc -c\n"})
			cmd := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, documents(t, 1))}
			cmd.Dir = dir
			cmd.Env = append(cmd.Env, "TMPDIR="+tmpdir)
			cmd.begin(t)
			cmd.listens(t)
			got := cmd.ask(t, "POST /cgi-bin/stdin HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"+
				"30d40\r\n"+strings.Repeat("x", 200_000)+"\r\n0\r\n\r\n")
			where := dir + "/tmp/"
			if tmpdir == "missing" {
				where = "/memfd:"
			}
			if !strings.Contains(got, "200000") || runtime.GOOS == "linux" && !strings.Contains(got, where) {
				t.Errorf("%q does not show a file in %s", got, where)
			}
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, "")
		})
	}
}

// The bounds of programs are those of the flags.
func TestProgramsBounds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets a parent set its child's limits")
	}
	content := func(octets int) string {
		return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", octets, strings.Repeat("x", octets))
	}
	for _, c := range []struct {
		name    string
		flags   []string
		limits  string // KiB of data and seconds of CPU; "" is not asked
		content int    // octets of content in chunks
		status  string // of the request with it
		output  bool   // 100,000 octets may be written
	}{
		{"defaults", nil, "2097152 60", 8 << 20, "200", true},
		{"content beyond the default", nil, "", 8<<20 + 1, "413", true},
		{"larger", []string{"--cgi-memory", "3G", "--cgi-cpu", "2m", "--cgi-content", "9M"}, "3145728 120", 9 << 20, "200", true},
		{"smaller", []string{"--cgi-memory", "512M", "--cgi-cpu", "1500ms", "--cgi-content", "64K", "--cgi-output", "64K"}, "524288 2", 65537, "413", false},
		{"none", []string{"--cgi-memory", "none", "--cgi-cpu", "none", "--cgi-output", "none"}, "unlimited unlimited", 1, "200", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const plain = "printf 'Content-Type: text/plain\\n\\n'\n"
			programs := plantPrograms(t, map[string]string{
				"limits": plain + "echo $(ulimit -Sd) $(ulimit -St)\n",
				"count":  plain + "wc -c\n",
				"write":  plain + "head -c 100000 /dev/zero\n",
			})
			cmd := foreground(t, append(append([]string{"-i", "127.0.0.1", "-c", programs}, c.flags...), documents(t, 1))...)
			if got := cmd.ask(t, "GET /cgi-bin/limits HTTP/1.0\r\n\r\n"); c.limits != "" && !strings.HasSuffix(got, "\r\n\r\n"+c.limits+"\n") {
				t.Errorf("limits: %q, want %s", got, c.limits)
			}
			got := cmd.ask(t, "POST /cgi-bin/count HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"+content(c.content))
			if !strings.HasPrefix(got, "HTTP/1.1 "+c.status+" ") || c.status == "200" && !strings.Contains(got, fmt.Sprint(c.content)) {
				t.Errorf("%d octets of content: %q, want %s", c.content, got, c.status)
			}
			conn := cmd.dial(t)
			io.WriteString(conn, "GET /cgi-bin/write HTTP/1.0\r\n\r\n")
			all, err := io.ReadAll(conn)
			if whole := err == nil && bytes.HasSuffix(all, make([]byte, 100_000)); whole != c.output {
				t.Errorf("100,000 octets of output: %d octets in all and %v", len(all), err)
			}
			cmd.signal(t, syscall.SIGTERM)
			stderr := ""
			if !c.output {
				stderr = "sws: program /cgi-bin/write: it writes more than 65536 octets\n"
			}
			cmd.end(t, 0, stderr)
		})
	}
}
