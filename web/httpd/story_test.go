package httpd_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"xanadu/web"
	"xanadu/web/httpd"
)

var update = flag.Bool("update", false, "rewrite what the stories want")

// TestStories plays each of testdata/*.txtar: what one client sends, to a
// server of the documents root/*, and under "want" what comes back. The story
// must be the same under every poller, with the documents in memory and in
// files, and whether the requests come in one piece or octet by octet.
//
// Every line of the requests ends with CR LF, unless it ends with a backslash;
// \n, \r and \xhh are octets. In what is wanted, a line that ends with a
// backslash is one without a line end, the last line tells whether the
// connection is still open, and "log" is what the log is told.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no stories")
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		must(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			story := newStory(t, archive)
			if *update {
				story.rewrite(t, file)
			}
			each(t, func(t *testing.T, poller string) {
				for _, kind := range []string{"memory", "file"} {
					r := start(t, story.site(t, kind), httpd.Options{Poller: poller})
					for _, pieces := range []int{len(story.requests), 1} {
						if got := r.play(story.requests, pieces); got != story.want {
							t.Errorf("documents in %s, requests in pieces of %d:\n%s\nwant:\n%s", kind, pieces, got, story.want)
						}
					}
				}
			})
		})
	}
}

// A story is a test file: about is its first lines, which say what it tells.
type story struct {
	about    string
	requests string
	root     map[string]string
	want     string // the sections want and log
	archive  *txtar.Archive
}

func newStory(t testing.TB, a *txtar.Archive) *story {
	t.Helper()
	s := &story{root: make(map[string]string), archive: a}
	for line := range strings.Lines(string(a.Comment)) {
		if s.requests == "" && strings.HasPrefix(line, "#") {
			s.about += line
			continue
		}
		s.requests += unescape(strings.TrimSuffix(line, "\n"))
	}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "root/"); ok {
			s.root["/"+name] = string(f.Data)
		}
	}
	s.want = string(txtar.Format(&txtar.Archive{Files: a.Files[len(s.root):]}))
	return s
}

// unescape is a line of a request as it is sent.
func unescape(line string) string {
	line, unended := strings.CutSuffix(line, `\`)
	line = escapes.ReplaceAllStringFunc(line, func(e string) string {
		switch e {
		case `\n`:
			return "\n"
		case `\r`:
			return "\r"
		}
		var octet byte
		fmt.Sscanf(e, `\x%02x`, &octet)
		return string([]byte{octet})
	})
	if unended {
		return line
	}
	return line + "\r\n"
}

var escapes = regexp.MustCompile(`\\(n|r|x[0-9a-f]{2})`)

func (s *story) site(t testing.TB, kind string) pages {
	site := make(pages)
	for path, content := range s.root {
		site[path] = memory(content)
		if kind == "file" {
			site[path] = file(t, content)
		}
	}
	return site
}

func (s *story) rewrite(t testing.TB, path string) {
	t.Helper()
	s.want = start(t, s.site(t, "memory"), httpd.Options{}).play(s.requests, len(s.requests))
	s.archive.Files = append(s.archive.Files[:len(s.root)], txtar.Parse([]byte(s.want)).Files...)
	must(t, os.WriteFile(path, txtar.Format(s.archive), 0o644))
}

// probe follows the requests of a story. It is answered where the connection is
// still open.
const probe = "GET /probe HTTP/1.0\r\n\r\n"

// play sends the requests in pieces of so many octets and returns the sections
// want and log.
func (r *rig) play(requests string, pieces int) string {
	r.t.Helper()
	r.log.forget()
	c := r.dial()
	for piece := range slices.Chunk([]byte(requests), pieces) {
		c.write(string(piece))
	}
	c.write(probe)
	// A server that has ended the connection owes nothing to who goes on sending.
	all, err := io.ReadAll(c.r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		r.t.Fatal(err)
	}
	c.Close()
	r.barrier()
	log := r.log.await(r.t, 0)
	list, err := responses(all, log)
	if err != nil {
		r.t.Fatalf("%v:\n%s", err, all)
	}

	end := "(closed)\n"
	if n := len(log); n > 0 && strings.HasPrefix(log[n-1].line, "GET /probe ") {
		list, log = list[:n-1], log[:n-1]
		end = "(open)\n"
	}
	var want, logged bytes.Buffer
	for _, p := range list {
		p.show(&want)
	}
	want.WriteString(end)
	for _, rec := range log {
		line := rec.String()
		if page := fmt.Sprint(" ", rec.octets); isPageSize(rec.status, rec.octets) {
			line = strings.TrimSuffix(line, page) + " page"
		}
		fmt.Fprintln(&logged, line)
	}
	return string(txtar.Format(&txtar.Archive{Files: []txtar.File{{Name: "want", Data: want.Bytes()}, {Name: "log", Data: logged.Bytes()}}}))
}

// show writes the response without what differs from run to run, and without
// what is told elsewhere: the page of an error and its fields.
func (p *response) show(to *bytes.Buffer) {
	length, _ := strconv.ParseInt(p.field("Content-Length"), 10, 64)
	page := isPageSize(p.status, length)
	body := string(p.body)
	for _, line := range p.head {
		name, value, _ := strings.Cut(line, ": ")
		_, boundary, multipart := strings.Cut(value, "boundary=")
		switch {
		case name == "Date":
			line = "Date: now"
		case multipart:
			line = strings.ReplaceAll(line, boundary, "boundary")
			body = strings.ReplaceAll(body, boundary, "boundary")
		case page && (name == "Content-Length" || name == "Content-Security-Policy"):
			line = name + ": of the page"
		}
		fmt.Fprintln(to, line)
	}
	fmt.Fprintln(to)
	switch {
	case len(body) == 0:
	case page && rootLink.ReplaceAllString(body, ">") == rootLink.ReplaceAllString(string(web.ErrorReply(nil, p.status).Body), ">"):
		fmt.Fprintln(to, "(the page)")
	default:
		body = strings.ReplaceAll(body, "\r\n", "\n")
		if !strings.HasSuffix(body, "\n") {
			body += "\\\n"
		}
		to.WriteString(body)
	}
}

// rootLink is where the page for a status differs from path to path.
var rootLink = regexp.MustCompile(` href="[./]+">`)

// isPageSize reports whether the page for a status, which is an error, may be of so
// many octets: its reference to the root is "/", "./", "../" or "../../".
func isPageSize(status int, octets int64) bool {
	if status < 400 {
		return false
	}
	switch octets - web.ErrorReply(nil, status).Size {
	case 0, 1, 2, 5:
		return true
	}
	return false
}

// The same requests, cut in two at every octet, with whole turns in between.
func TestCutAnywhere(t *testing.T) {
	const requests = "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n" +
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nHTTP/1.1 200" +
		"HEAD /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n" +
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nGET /\r\n0\r\nA: b\r\n\r\n" +
		"GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1, 4-\r\nConnection: close\r\n\r\n"
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/a": memory("abcdefgh")}, httpd.Options{Poller: poller})
		want := r.play(requests, len(requests))
		for n := 1; n < len(requests); n++ {
			r.log.forget()
			c := r.dial()
			c.write(requests[:n])
			r.barrier()
			c.write(requests[n:])
			list, err := responses(c.all(), r.log.await(t, 5))
			if err != nil {
				t.Fatalf("after %q: %v", requests[:n], err)
			}
			var got bytes.Buffer
			for _, p := range list {
				p.show(&got)
			}
			if !strings.HasPrefix(want, "-- want --\n"+got.String()+"(closed)\n") {
				t.Fatalf("after %q:\n%s\nwant:\n%s", requests[:n], got.String(), want)
			}
			c.Close()
		}
	})
}
