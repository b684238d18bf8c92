package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xanadu/web/accesslog"
)

// One request is one line, of printable ASCII, through the whole server: with
// every octet in every place that a client decides on (guard against injection
// into the log).
func TestOneRequestOneLine(t *testing.T) {
	docs := documents(t, 1)
	for _, format := range accesslog.FormatNames() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			cmd := foreground(t, "-i", "127.0.0.1", "-l", log, "--log-format", format, docs)
			requests := 0
			for octet := range 256 {
				for _, request := range []string{
					"GET /* HTTP/1.1\r\nHost: h\r\n\r\n",
					"G*T / HTTP/1.0\r\n\r\n",
					"GET / HTTP/1.*\r\n\r\n",
					"GET / HTTP/1.0\r\nReferer: a*b\r\nUser-Agent: \"*\"\r\n\r\n",
					"GET / HTTP/1.1\r\nHost: h*\r\nConnection: close\r\n\r\n",
				} {
					request = strings.ReplaceAll(request, "*", string([]byte{byte(octet)}))
					conn := cmd.dial(t)
					fmt.Fprint(conn, request)
					conn.(*net.TCPConn).CloseWrite()
					if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
						t.Fatalf("%q: %v after %q", request, err, answer)
					}
					conn.Close()
					requests++
				}
			}
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, "")
			written, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			lines := 0
			for line := range strings.Lines(string(written)) {
				lines++
				text, ok := strings.CutSuffix(line, "\n")
				if !ok || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
					t.Errorf("line %q", line)
				}
				if format == "json" && !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %q", line)
				}
			}
			if lines != requests {
				t.Errorf("%d lines for %d requests", lines, requests)
			}
		})
	}
}
