package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// With few descriptors, and all that takes them up at its bound at once, documents
// are still served: connections, programs that run, that wait and whose content is
// gathered, replies that nobody reads, and files that are kept open.
func TestEverythingAtOnce(t *testing.T) {
	for _, limit := range []int{200, 1024} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) { everythingAtOnce(t, limit) })
	}
}

func everythingAtOnce(t *testing.T, limit int) {
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil || own.Cur < 4*uint64(limit) {
		t.Skipf("needs %d descriptors for its clients (ulimit -n), has %d", 4*limit, own.Cur)
	}
	const content = 200_000
	files := limit * 2 / 5
	docs, programs := documents(t, 3), t.TempDir()
	for i := range files {
		if err := os.WriteFile(filepath.Join(docs, fmt.Sprint(i)), bytes.Repeat([]byte{byte(i)}, content+i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(programs, "sleep"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	cmd := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "0.0.0.0", "-c", programs, docs)}
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, limit), cmd.Path}, cmd.Args[1:]...)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = sh
	cmd.begin(t)
	line, err := cmd.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("sws ended before it listened: %v, %s", cmd.Wait(), &cmd.stderr)
	}
	cmd.at = strings.TrimSuffix(strings.TrimPrefix(line, "http://"), "/\n")

	get := func(path string, size int) {
		t.Helper()
		conn := cmd.dial(t)
		defer conn.Close()
		fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n", path)
		p, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		if n, err := io.Copy(io.Discard, p.Body); p.StatusCode != 200 || n != int64(size) || err != nil {
			t.Errorf("%s: %d with %d octets, %v; want 200 with %d", path, p.StatusCode, n, err, size)
		}
	}
	for i := range files / 2 { // as many are kept open as may be
		get(fmt.Sprint(i), content+i)
	}

	many := limit / 5
	for client, c := range []struct {
		request string
		times   int
	}{
		{"POST /cgi-bin/sleep HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(100_000), many},
		{"POST /cgi-bin/sleep HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 80_000), many},
		{"GET /cgi-bin/sleep HTTP/1.1\r\nHost: h\r\n\r\n", many},
		{"GET /cgi-bin/sleep HTTP/1.1\r\nHost: h\r\n\r\n", many},
		{strings.Repeat("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n", 100), 5},
		{"GET /file HTTP/1.1\r\nHost: h\r\n\r\n", 4 * many},
	} {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(client))}, Timeout: 100 * time.Millisecond}
		for range c.times {
			conn, err := from.Dial("tcp", cmd.at)
			if err != nil {
				break // the queue of the socket is full
			}
			t.Cleanup(func() { conn.Close() })
			conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // the server may leave the rest
			io.WriteString(conn, c.request)
		}
	}

	for i := range files {
		get("file", 3)
		get(fmt.Sprint(i), content+i)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for line := range strings.Lines(cmd.stderr.String()) {
		if strings.Contains(line, "too many open files") {
			t.Errorf("a descriptor was missing: %s", line)
		}
	}
}

// chunks is content of so many octets in chunks, without their end.
func chunks(octets int) string {
	const size = 1000
	return strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("x", size)), octets/size)
}
