package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"rsc.io/qr"

	"xanadu/internal/sys"
)

// quiet is how many light modules surround a QR code on each side (ISO/IEC
// 18004, the quiet zone).
const quiet = 4

// announcer returns what tells a person where the server listens: one URL a line,
// and on a terminal what is served and how to end it. It serves on when nobody can
// be told.
func (s *settings) announcer(w, stderr io.Writer) func(at []string) error {
	return func(at []string) error {
		var b strings.Builder
		for _, url := range at {
			fmt.Fprintln(&b, url)
		}
		if isTerminal(w) {
			fmt.Fprintf(&b, "serving %s; Ctrl-C ends it", oneLine(s.dir))
			if s.log == "" {
				b.WriteString("; with -l - it shows the requests")
			}
			b.WriteByte('\n')
		}
		io.WriteString(w, b.String())
		s.showQR(at, w, stderr)
		return nil
	}
}

// announceDaemon tells a terminal where the daemon serves and which process it is.
// All else gets nothing: the command is quiet when all is well.
func (s *settings) announceDaemon(d started, w, stderr io.Writer) {
	if isTerminal(w) {
		fmt.Fprintf(w, "serving %s at %s, process %d\n", oneLine(s.dir), strings.Join(d.at, ", "), d.pid)
	}
	s.showQR(d.at, w, stderr)
}

// showQR draws the QR code that --qr asks for.
func (s *settings) showQR(at []string, w, stderr io.Writer) {
	if !s.qr {
		return
	}
	code, err := qrFor(at, w)
	if err != nil {
		fmt.Fprintf(stderr, "sws: %v\n", err)
	}
	io.WriteString(w, code)
}

// qrFor draws the QR code of --qr for a terminal w.
func qrFor(at []string, w io.Writer) (string, error) {
	if !isTerminal(w) {
		return "", errors.New("--qr: a QR code is drawn on a terminal only")
	}
	text := networkURL(at, preferredAddress())
	if text == "" {
		return "", errors.New("--qr: no other host can reach the server; listen on an address of the network with -i")
	}
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("--qr: %w", err)
	}
	return drawQR(code, colorful(w)), nil
}

// networkURL returns the URL of at under which another host reaches this one: that
// with the preferred address, or else the first one that is neither of this host
// alone nor of one link, where a browser would need to know the interface. It
// returns "" when there is none.
func networkURL(at []string, preferred netip.Addr) string {
	first := ""
	for _, text := range at {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" {
			continue
		}
		host, err := netip.ParseAddr(u.Hostname())
		if err != nil || host.IsLoopback() || host.IsLinkLocalUnicast() {
			continue
		}
		if host == preferred {
			return text
		}
		if first == "" {
			first = text
		}
	}
	return first
}

// drawQR draws a QR code with two modules, one above the other, in each character.
// Readers want dark modules on light ground. With color both colours are set;
// else the light modules are drawn, as is right where text is light on dark.
func drawQR(code *qr.Code, color bool) string {
	blocks := [4]string{" ", "▄", "▀", "█"} // by what is drawn: the lower module 1, the upper 2
	drawn := func(x, y int) int {
		if code.Black(x, y) == color {
			return 1
		}
		return 0
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		if color {
			b.WriteString("\x1b[30;107m")
		}
		for x := -quiet; x < code.Size+quiet; x++ {
			upper, lower := drawn(x, y), drawn(x, y+1)
			b.WriteString(blocks[2*upper+lower])
		}
		if color {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && sys.IsTerminal(int(f.Fd()))
}
