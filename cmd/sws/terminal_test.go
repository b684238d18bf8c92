package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// On a terminal -dd is in colour, unless its user says otherwise, and no client
// can send it anything that it would obey.
func TestDebugOnTerminal(t *testing.T) {
	docs := documents(t, 1)
	for _, c := range []struct {
		name    string
		env     []string
		flags   string
		colours []string // that stand before the marks
	}{
		{"a terminal", []string{"TERM=xterm", "NO_COLOR="}, "-dd", []string{"\x1b[33m<", "\x1b[35m*", "\x1b[36m>"}},
		{"one without colours", []string{"TERM=dumb", "NO_COLOR="}, "-dd", nil},
		{"a user without", []string{"TERM=xterm", "NO_COLOR=1"}, "-dd", nil},
		{"no heads", []string{"TERM=xterm", "NO_COLOR="}, "-d", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			terminal, side := terminalPair(t)
			cmd := &command{Cmd: sws(t, c.flags, "-p", "0", "-i", "127.0.0.1", docs)}
			cmd.Env = append(cmd.Env, c.env...)
			cmd.Stdout, cmd.Stderr = side, side
			err := cmd.Start()
			side.Close()
			if err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			lines := bufio.NewReader(terminal)
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			cmd.at = strings.TrimSuffix(strings.TrimPrefix(line, "http://"), "/\r\n")
			hostile(t, cmd.at)
			cmd.signal(t, syscall.SIGTERM)
			shown, err := io.ReadAll(lines)
			if !errors.Is(err, syscall.EIO) { // the end of a terminal
				t.Errorf("after the end: %v", err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if !strings.Contains(string(shown), `"GET /\x1b]0;title\x07\x9b2J HTTP/1.1" 400 `) {
				t.Errorf("no line of the log in %q", shown)
			}
			colours := regexp.MustCompile("\x1b\\[3[0-9]m.").FindAllString(string(shown), -1)
			slices.Sort(colours)
			if colours = slices.Compact(colours); !slices.Equal(colours, c.colours) {
				t.Errorf("colours %q, want %q", colours, c.colours)
			}
			rest := regexp.MustCompile("\x1b\\[(3[0-9]|0)m").ReplaceAllString(string(shown), "")
			if i := strings.IndexFunc(rest, func(r rune) bool { return r != '\r' && r != '\n' && (r < ' ' || r > '~') }); i >= 0 {
				t.Errorf("the terminal gets %q", rest[i:min(len(rest), i+20)])
			}
		})
	}
}

// hostile sends what a terminal would obey.
func hostile(t *testing.T, at string) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "GET /\x1b]0;title\x07\x9b2J HTTP/1.1\r\nHost: h\r\nUser-Agent: \x1b[2J\r\n\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Error(err)
	}
}
