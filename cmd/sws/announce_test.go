package main

import (
	"bufio"
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rsc.io/qr"

	"xanadu/ipc/proc"
)

// What a terminal shows besides the URLs; a pipe gets the URLs alone
// (TestServesWhereItSays).
func TestAnnounceOnTerminal(t *testing.T) {
	docs := documents(t, 1)
	for _, c := range []struct {
		name string
		args []string
		want string // the last line
	}{
		{"foreground", []string{"-f"}, "serving " + docs + "; Ctrl-C ends it; with -l - it shows the requests"},
		{"with its log", []string{"-f", "-l", "-"}, "serving " + docs + "; Ctrl-C ends it"},
		{"debugging", []string{"-d"}, "serving " + docs + "; Ctrl-C ends it"},
		{"no network", []string{"-f", "--qr"}, "sws: --qr: no other host can reach the server; listen on an address of the network with -i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terminal, side := terminalPair(t)
			cmd := sws(t, append(c.args, "-p", "0", "-i", "127.0.0.1", docs)...)
			cmd.Stdout, cmd.Stderr = side, side
			err := cmd.Start()
			side.Close()
			if err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			lines := bufio.NewReader(terminal)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					t.Fatalf("no line %q: %v", c.want, err)
				}
				if strings.TrimRight(line, "\r\n") == c.want {
					break
				}
			}
			cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// terminalPair returns a terminal's two sides: the one that shows, and the one
// that a command has.
func terminalPair(t *testing.T) (terminal, side *os.File) {
	t.Helper()
	ours, its, err := proc.Terminal()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Both are one FD each, for input and output.
	terminal = os.NewFile(uintptr(ours.In.Disown()), "terminal")
	t.Cleanup(func() { terminal.Close() })
	return terminal, os.NewFile(uintptr(its.In.Disown()), "its side")
}

// A pipe gets one URL a line, and no QR code.
func TestNoQRCodeOnPipe(t *testing.T) {
	cmd := foreground(t, "--qr", "-i", "127.0.0.1", documents(t, 1))
	cmd.signal(t, syscall.SIGTERM)
	if rest := cmd.end(t, 0, "sws: --qr: a QR code is drawn on a terminal only\n"); rest != "" {
		t.Errorf("after the URL: %q", rest)
	}
}

func TestNetworkURL(t *testing.T) {
	all := []string{"unix:/s", "http://127.0.0.1:80/", "http://[::1]:80/", "http://172.17.0.1:80/",
		"http://192.0.2.7:80/", "http://[fd00::7]:80/", "http://[fe80::7%25eth0]:80/"}
	for _, c := range []struct {
		name      string
		at        []string
		preferred string
		want      string
	}{
		{"preferred", all, "192.0.2.7", all[4]},
		{"preferred of IPv6", all, "fd00::7", all[5]},
		{"first", all, "192.0.2.8", all[3]},
		{"loopback", all[:3], "192.0.2.7", ""},
		{"one link", all[6:], "192.0.2.7", ""},
		{"none", nil, "192.0.2.7", ""},
	} {
		if got := networkURL(c.at, netip.MustParseAddr(c.preferred)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The drawing holds each module of the code, with light ones on all sides.
func TestDrawQR(t *testing.T) {
	code, err := qr.Encode("http://192.0.2.7:8080/", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	halves := map[rune][2]bool{' ': {false, false}, '▀': {true, false}, '▄': {false, true}, '█': {true, true}}
	for _, color := range []bool{true, false} {
		text := drawQR(code, color)
		if color != strings.Contains(text, "\x1b[") {
			t.Errorf("colours %v in %q", color, text)
		}
		text = strings.NewReplacer("\x1b[30;107m", "", "\x1b[0m", "").Replace(text)
		dark := func(drawn bool) bool { return drawn == color }
		for row, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if n := len([]rune(line)); n != code.Size+8 {
				t.Fatalf("row %d has %d columns, want %d", row, n, code.Size+8)
			}
			for column, c := range []rune(line) {
				for half, drawn := range halves[c] {
					x, y := column-4, 2*row+half-4
					if dark(drawn) != code.Black(x, y) {
						t.Fatalf("color %v: module %d,%d: dark %v, want %v", color, x, y, dark(drawn), code.Black(x, y))
					}
				}
			}
		}
		if rows := strings.Count(text, "\n"); rows != (code.Size+9)/2 {
			t.Errorf("%d rows for %d modules", rows, code.Size)
		}
	}
}

// A name cannot make a terminal obey.
func TestAnnouncedNameIsHarmless(t *testing.T) {
	terminal, side := terminalPair(t)
	defer side.Close()
	s := &settings{dir: filepath.Join("/srv", "a\x1b]0;t\x07\n")}
	if err := s.announcer(side, new(bytes.Buffer))([]string{"unix:/s"}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(terminal)
	lines.ReadString('\n')
	got, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(got, `serving /srv/a\x1b]0;t\x07; ; Ctrl-C`) {
		t.Errorf("%q, %v", got, err)
	}
}
