package accesslog

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"xanadu/web"
)

func TestTrace(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nETag: \"tag\"\r\n\r\n"
	conditional := request()
	conditional.Seen = web.IfNoneMatch
	conditional.Method = []byte("GET")
	conditional.Fields = []web.Field{{Name: []byte("If-None-Match"), Value: []byte(`"tag"`), Known: web.IfNoneMatch}}
	for _, c := range []struct {
		name  string
		trace Trace
		show  func(*Trace) []byte
		want  string
	}{
		{"request", Trace{}, func(t *Trace) []byte {
			return t.AppendRequest(nil, []byte("GET / HTTP/1.1\r\nHost: \"h\"\r\n\r\n"))
		}, "> GET / HTTP/1.1\n> Host: \"h\"\n>\n"},
		{"line ends that are none, and other octets", Trace{}, func(t *Trace) []byte {
			return t.AppendRequest(nil, []byte("GET /\\é\x1b[2J\nHost:\rh\x00\x7f\r\r\n\n"))
		}, `> GET /\x5c\xc3\xa9\x1b[2J\x0a` + "\n" + `> Host:\x0dh\x00\x7f\x0d` + "\n" + `> \x0a` + "\n"},
		{"what came of a head", Trace{}, func(t *Trace) []byte {
			return t.AppendRequest(nil, []byte("GET / HT"))
		}, "> GET / HT\n"},
		{"nothing", Trace{}, func(t *Trace) []byte { return t.AppendRequest(nil, nil) }, ""},
		{"reply that says nothing of itself", Trace{}, func(t *Trace) []byte {
			return t.AppendReply(nil, request(), &web.Reply{Status: 200}, 200, []byte(head))
		}, "< HTTP/1.1 200 OK\n< ETag: \"tag\"\n<\n"},
		{"name beneath the root", Trace{Root: "/srv/docs"}, func(t *Trace) []byte {
			return t.AppendReply(nil, request(), &web.Reply{Status: 404, Resolved: "a\n\x1b", Why: "gone"}, 404, []byte("HTTP/1.1 404\r\n\r\n"))
		}, `* /srv/docs/a\x0a\x1b: gone` + "\n< HTTP/1.1 404\n<\n"},
		{"the root itself", Trace{Root: "/srv/docs"}, func(t *Trace) []byte {
			return t.AppendReply(nil, request(), &web.Reply{Status: 200, Resolved: "."}, 200, nil)
		}, "* /srv/docs\n"},
		{"name elsewhere, and the condition that decided", Trace{Root: "/srv/docs"}, func(t *Trace) []byte {
			p := &web.Reply{Status: 200, ETag: `"tag"`, Resolved: "/home/u/sws/x", Why: "a regular file"}
			return t.AppendReply(nil, conditional, p, 304, []byte("HTTP/1.1 304\r\n\r\n"))
		}, "* /home/u/sws/x: If-None-Match names it as it is\n< HTTP/1.1 304\n<\n"},
		{"no request", Trace{Root: "/srv/docs"}, func(t *Trace) []byte {
			return t.AppendReply(nil, nil, &web.Reply{Status: 400, Why: "the method is not a token"}, 400, []byte("HTTP/1.1 400\r\n\r\n"))
		}, "* the method is not a token\n< HTTP/1.1 400\n<\n"},
		{"colours", Trace{Color: true}, func(t *Trace) []byte {
			dst := t.AppendRequest(nil, []byte("GET / HTTP/1.1\r\n\r\n"))
			return t.AppendReply(dst, nil, &web.Reply{Status: 400, Why: "why"}, 400, []byte("HTTP/1.1 400\r\n"))
		}, "\x1b[36m> GET / HTTP/1.1\x1b[0m\n\x1b[36m>\x1b[0m\n\x1b[35m* why\x1b[0m\n\x1b[33m< HTTP/1.1 400\x1b[0m\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(c.show(&c.trace)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// FuzzTrace: whatever passes, each line is printable and has its mark, so that
// none can be taken for a line of the log, and the head can be read back.
func FuzzTrace(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "index.html")
	f.Add([]byte("\n\r\n> x\r"), "\n* /etc/passwd")
	f.Add([]byte("\x1b]0;title\a\\x41\r\n"), "\x1b[2J")
	f.Fuzz(func(t *testing.T, head []byte, name string) {
		plain := &Trace{Root: "/srv"}
		got := plain.AppendRequest(nil, head)
		var back []byte
		for line := range strings.Lines(string(got)) {
			text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), ">")
			if !ok || !printable(text) {
				t.Fatalf("%q gives the line %q", head, line)
			}
			text = strings.TrimPrefix(text, " ")
			octets, _ := unescape(t, []byte(text))
			back = append(back, octets...)
			if !bytes.HasSuffix(octets, []byte("\n")) {
				back = append(back, "\r\n"...)
			}
		}
		if want := append(bytes.Clone(head), "\r\n"...); !bytes.Equal(back, head) && !bytes.Equal(back, want) {
			t.Fatalf("%q is read back as %q from %q", head, back, got)
		}

		colored := &Trace{Root: "/srv", Color: true}
		p := &web.Reply{Status: 404, Resolved: name, Why: name}
		whole := string(plain.AppendReply(nil, nil, p, 404, head))
		found, _, _ := strings.Cut(whole, "\n")
		if name != "" && (!strings.HasPrefix(found, "* ") || !printable(found)) {
			t.Fatalf("%q gives %q", name, found)
		}
		if bare := colors.ReplaceAllString(string(colored.AppendReply(nil, nil, p, 404, head)), ""); bare != whole {
			t.Fatalf("in colours %q, without %q", bare, whole)
		}
	})
}

var colors = regexp.MustCompile("\x1b\\[[0-9]+m")

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// The lines of a trace do not look like those of any format's log.
func TestTraceIsNoLog(t *testing.T) {
	for _, f := range formats {
		line := f.Line(nil, &web.Record{Time: time.Now(), Line: []byte("> x"), Status: 200})
		if strings.ContainsRune("><*", rune(line[0])) {
			t.Errorf("%s: %q begins like a trace", f.Name, line)
		}
	}
}
