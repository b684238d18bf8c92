package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"xanadu/internal/kit"
)

// A server of more documents than its control group has memory for stays within
// it.
func TestMemoryOfGroup(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector takes memory of its own")
	}
	const limit, files, size = 64 << 20, 1500, 90_000
	procs := limitedGroup(t, limit)
	docs := t.TempDir()
	for i := range files {
		name := filepath.Join(docs, strconv.Itoa(i))
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, size); err != nil { // nothing but holes takes no disk
			t.Fatal(err)
		}
	}
	server := sws(t, "-f", "-p", "0", "-i", "127.0.0.1", docs)
	c := &command{Cmd: sws(t)}
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, procs}, server.Args...)
	c.begin(t)
	c.listens(t)
	conn := c.dial(t)
	answers := bufio.NewReader(conn)
	for range 2 { // at the second time the cache is full
		for i := range files {
			fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
			for length := int64(-1); ; {
				line, err := answers.ReadString('\n')
				if err != nil {
					t.Fatalf("%v after %d files, %s", err, i, &c.stderr)
				}
				if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					length, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				}
				if line != "\r\n" {
					continue
				}
				if length != size {
					t.Fatalf("file %d has %d octets, want %d", i, length, size)
				}
				if _, err := io.CopyN(io.Discard, answers, length); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	}
	if peak := peakMemory(t, c.Process.Pid); peak > limit*3/4 {
		t.Errorf("it has used %d octets of %d", peak, limit)
	}
	conn.Close()
	c.signal(t, syscall.SIGTERM)
	c.end(t, 0, "")
}

// limitedGroup makes a control group with so much memory and returns the file that
// takes its processes.
func limitedGroup(t *testing.T, limit int) (procs string) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	name := fmt.Sprintf("sws-test-%d", os.Getpid())
	var refused error
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		mount, file := "/sys/fs/cgroup", "memory.max"
		switch controllers {
		case "":
		case "memory":
			mount, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		dir := filepath.Join(mount, path, name)
		if refused = os.Mkdir(dir, 0o755); refused != nil {
			continue
		}
		t.Cleanup(func() { exec.Command("rmdir", dir).Run() })
		if refused = os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(limit)), 0o644); refused == nil {
			return filepath.Join(dir, "cgroup.procs")
		}
	}
	t.Skip("there is no control group whose memory may be limited: ", refused)
	return ""
}

// peakMemory returns the most memory that a process has had (proc(5), VmHWM).
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
