package site

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/web"
)

const canary = "CANARY-OUTSIDE-DOCROOT\n"

// enclosed makes a docroot with a canary beside it, and another in a directory
// whose name begins like the docroot's.
func enclosed(t testing.TB) (docroot string) {
	base := t.TempDir()
	plant(t, base, map[string]string{
		"canary.txt":              canary,
		"docroot-evil/canary.txt": canary,
		"docroot/hello.txt":       "Hello, world\n",
		"docroot/dir/a.txt":       "FILE-A\n",
		"docroot/dir/sub/":        "",
	})
	return filepath.Join(base, "docroot")
}

func link(t testing.TB, target, name string) {
	t.Helper()
	must(t, os.Symlink(target, name))
}

func TestLinksInside(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		docroot := enclosed(t)
		link(t, "hello.txt", docroot+"/to-file")
		link(t, "to-file", docroot+"/to-link")
		link(t, "dir", docroot+"/to-dir")
		link(t, "../hello.txt", docroot+"/dir/up")
		link(t, "../../dir/../hello.txt", docroot+"/dir/sub/up-and-down")
		s := open(docroot)
		for _, target := range []string{"/to-file", "/to-link", "/dir/up", "/to-dir/up", "/dir/sub/up-and-down", "/to-dir/sub/up-and-down"} {
			p := get(t, s, target)
			if got := content(t, p); p.Status != 200 || got != "Hello, world\n" {
				t.Errorf("%s: %d %q, want the file it leads to", target, p.Status, got)
			}
		}
		if got := content(t, get(t, s, "/to-dir/a.txt")); got != "FILE-A\n" {
			t.Errorf("/to-dir/a.txt: %q", got)
		}
		p := get(t, s, "/to-dir")
		if got := field(t, p, "Location"); p.Status != 301 || got != "to-dir/" {
			t.Errorf("/to-dir: %d to %q", p.Status, got)
		}
	})
}

// Whatever a link says, it leads to no byte outside.
func TestLinksOutside(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		docroot := enclosed(t)
		base := filepath.Dir(docroot)
		for name, target := range map[string]string{
			"relative":     "../canary.txt",
			"absolute":     base + "/canary.txt",
			"sibling":      "../docroot-evil/canary.txt",
			"out-and-in":   "../docroot/hello.txt",
			"parent":       "..",
			"dir/deep":     "../../canary.txt",
			"chain-1":      "chain-2",
			"chain-2":      "relative",
			"etc":          "/etc",
			"proc":         "/proc/self/root",
			"cwd":          "/proc/self/cwd",
			"dangling":     "nothing",
			"loop":         "loop",
			"self":         ".",
			"through-file": "hello.txt/x",
		} {
			link(t, target, filepath.Join(docroot, name))
		}
		s := open(docroot)
		for _, target := range []string{
			"/relative", "/absolute", "/sibling", "/out-and-in", "/parent", "/parent/", "/parent/canary.txt",
			"/dir/deep", "/chain-1", "/chain-2", "/etc", "/etc/passwd", "/proc/etc/passwd", "/cwd", "/cwd/", "/dangling", "/dangling/",
			"/loop", "/loop/", "/through-file", "/relative/", "/etc/",
		} {
			wantStatus(t, get(t, s, target), target, 404)
		}
		if got := content(t, get(t, s, "/self/self/self/hello.txt")); got != "Hello, world\n" {
			t.Errorf("through links to itself: %q", got)
		}
	})
}

// The links of /proc jump to where no path leads (proc(5), RESOLVE_NO_MAGICLINKS).
func TestMagicLinks(t *testing.T) {
	if _, err := os.Stat("/proc/self/root"); err != nil {
		t.Skip("no /proc here: ", err)
	}
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		f, err := os.Open(filepath.Dir(enclosed(t)) + "/canary.txt")
		must(t, err)
		defer f.Close()
		s := open("/proc/self")
		for _, target := range []string{"/root/etc/passwd", "/root/", "/cwd/", "/exe", fmt.Sprintf("/fd/%d", f.Fd()), fmt.Sprintf("/task/%d/root/", os.Getpid())} {
			wantStatus(t, get(t, s, target), target, 404)
		}
	})
}

// A FIFO waits for whoever writes to it, a device does what it likes. Neither is
// a document, and a thousand requests for one hold up nobody.
func TestSpecialFiles(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		docroot, err := os.MkdirTemp(kit.SocketDir(t), "d")
		must(t, err)
		must(t, syscall.Mkfifo(docroot+"/fifo", 0o644))
		link(t, "fifo", docroot+"/to-fifo")
		must(t, os.MkdirAll(docroot+"/dir", 0o755))
		must(t, syscall.Mkfifo(docroot+"/dir/index.html", 0o644))
		l, err := net.Listen("unix", docroot+"/socket")
		must(t, err)
		defer l.Close()
		s := open(docroot)
		for range 1000 {
			wantStatus(t, get(t, s, "/fifo"), "/fifo", 404)
		}
		for _, target := range []string{"/to-fifo", "/fifo/", "/fifo/x", "/dir/", "/socket", "/socket/"} {
			wantStatus(t, get(t, s, target), target, 404)
		}
		page := content(t, get(t, s, "/"))
		if strings.Contains(page, "fifo") || strings.Contains(page, "socket") {
			t.Errorf("the list names what cannot be got:\n%s", page)
		}

		devices := open("/dev")
		for _, target := range []string{"/null", "/zero", "/tty"} {
			wantStatus(t, get(t, devices, target), "/dev"+target, 404)
		}
	})
}

// A request for a FIFO has no effect on who waits for it to be read: he goes on
// waiting, and is not told that his reader went away.
func TestFIFOUntouched(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		docroot := t.TempDir()
		plant(t, docroot, map[string]string{"dir/": ""})
		fifos := []string{docroot + "/fifo", docroot + "/dir/index.html"}
		wrote := make(chan error, len(fifos))
		for _, fifo := range fifos {
			must(t, syscall.Mkfifo(fifo, 0o644))
			go func() {
				f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
				if err == nil {
					_, err = f.WriteString("for the reader")
					f.Close()
				}
				wrote <- err
			}()
		}
		link(t, "fifo", docroot+"/link")
		s := open(docroot)
		for begin := time.Now(); time.Since(begin) < 50*time.Millisecond && !t.Failed(); {
			for _, target := range []string{"/fifo", "/fifo/", "/link", "/dir/", "/dir/index.html", "/dir/?format=text"} {
				wantStatus(t, get(t, s, target), target, 404)
			}
			get(t, s, "/")
			s.root.cached("fifo")
			if _, _, err := s.root.openCached("fifo"); err != syscall.ENXIO && err != syscall.EAGAIN {
				t.Errorf("openCached: %v", err)
			}
		}
		select {
		case err := <-wrote:
			t.Fatalf("a writer had a reader: %v", err)
		default:
		}
		for _, fifo := range fifos {
			f, err := os.Open(fifo)
			must(t, err)
			b, err := io.ReadAll(f)
			f.Close()
			if got := string(b); err != nil || got != "for the reader" {
				t.Errorf("the reader got %q, %v", got, err)
			}
			if err := <-wrote; err != nil {
				t.Errorf("the writer: %v", err)
			}
		}
	})
}

// One who can rename turns a directory into a link that leads out, and back, as
// fast as the kernel lets him. Nobody ever gets what is outside.
func TestSwappedForLink(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		docroot := enclosed(t)
		plant(t, docroot, map[string]string{"swap/canary.txt": "inside\n", "parked/": ""})
		link(t, filepath.Dir(docroot), docroot+"/absolute")
		link(t, "..", docroot+"/relative")
		s := open(docroot)

		var inside, nothing, swaps atomic.Int64
		least := 700 * time.Millisecond
		if testing.Short() {
			least = 100 * time.Millisecond
		}
		goesOn := race(least, &inside, &nothing)
		var running sync.WaitGroup
		running.Go(func() {
			evils := []string{"/absolute", "/relative"}
			for ; goesOn(); swaps.Add(1) {
				evil := docroot + evils[rand.IntN(2)]
				for _, move := range [][2]string{
					{docroot + "/swap", docroot + "/parked/swap"}, {evil, docroot + "/swap"},
					{docroot + "/swap", evil}, {docroot + "/parked/swap", docroot + "/swap"},
				} {
					if err := os.Rename(move[0], move[1]); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		for range 8 {
			running.Go(func() {
				for goesOn() {
					p := s.Answer(request("GET", "/swap/canary.txt"))
					switch got := string(p.Body); {
					case strings.Contains(got, canary):
						t.Error("got what is outside")
					case p.Status == 200 && got == "inside\n":
						inside.Add(1)
					case p.Status == 404 || p.Status == 503: // 503: too many renames to be sure
						nothing.Add(1)
					default:
						t.Errorf("%d %q", p.Status, got)
					}
					p.Release()
				}
			})
		}
		running.Wait()
		t.Logf("%d swaps: %d times inside, %d times nothing", swaps.Load(), inside.Load(), nothing.Load())
		if inside.Load() == 0 || nothing.Load() == 0 {
			t.Errorf("the race was not run: %d times inside, %d times nothing", inside.Load(), nothing.Load())
		}
	})
}

// race returns what reports whether a race goes on: for as long as it is to take
// at least, and until it has ended both ways, which it need not on a busy
// machine.
func race(least time.Duration, ways ...*atomic.Int64) (goesOn func() bool) {
	began := time.Now()
	return func() bool {
		took := time.Since(began)
		missing := slices.ContainsFunc(ways, func(n *atomic.Int64) bool { return n.Load() == 0 })
		return took < least || missing && took < least+30*time.Second
	}
}

// FuzzAnswer: whatever path is asked for, no byte comes from outside, and
// nothing of the request is in the answer but a safe Location.
func FuzzAnswer(f *testing.F) {
	docroot := enclosed(f)
	link(f, "../canary.txt", docroot+"/out")
	link(f, "..", docroot+"/parent")
	link(f, "dir", docroot+"/in")
	s, err := New(docroot, nil)
	must(f, err)
	f.Cleanup(func() { s.Close() })
	for _, path := range []string{"/", "/hello.txt", "/dir", "/dir/", "/in", "/out", "/parent/canary.txt", "/../canary.txt", "/%2e%2e/canary.txt",
		"/..%2fcanary.txt", "/%252e%252e/canary.txt", "/dir//../../canary.txt", "/%5cevil/..%2fdir", "//evil.example/..", "/dir/..;/", "*"} {
		f.Add(path, "a=b")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		r := &web.Request{Method: []byte("GET"), Path: []byte(path), Query: []byte(query), HasQuery: true}
		p := s.Answer(r)
		defer p.Release()
		if got := content(t, p); strings.Contains(got, canary) {
			t.Fatalf("%q: got what is outside", path)
		}
		switch p.Status {
		case 200, 400, 404:
		case 301:
			location := field(t, p, "Location")
			wantRedirect(t, path, query, location)
			for i := range len(location) {
				if c := location[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '#' {
					t.Fatalf("%q?%q: redirected to %q", path, query, location)
				}
			}
		default:
			t.Fatalf("%q: %d", path, p.Status)
		}
	})
}

// wantRedirect fails unless a client that asked for path is sent to the same path
// with a slash behind it, at the same host, by the redirect to location.
func wantRedirect(t testing.TB, path, query, location string) {
	t.Helper()
	asked, err := url.Parse("http://host.example/prefix" + path)
	if err != nil || strings.ContainsAny(path, "?#") {
		return // no client of ours could ask for it
	}
	to, err := asked.Parse(location)
	if err != nil {
		t.Fatalf("%q: redirected to %q: %v", path, location, err)
	}
	if to.Scheme != "http" || to.Host != "host.example" || to.User != nil || to.Fragment != "" {
		t.Fatalf("%q: redirected to %q, which is %s", path, location, to)
	}
	behind, ok := strings.CutPrefix(to.EscapedPath(), "/prefix/")
	want, _, err := decode([]byte(path))
	got, _, err2 := decode([]byte("/" + behind))
	if want.slash = true; !ok || err != nil || err2 != nil || got != want {
		t.Fatalf("%q: redirected to %q, which is %s", path, location, to)
	}
	if q := to.RawQuery; q != string(appendEncoded(nil, query, inQuery)) {
		t.Fatalf("%q?%q: redirected to %q", path, query, location)
	}
}

// A directory's redirect holds wherever a proxy puts the site, and leads to no
// other host, whatever the directory's name and however it was asked for.
func TestRedirect(t *testing.T) {
	docroot := t.TempDir()
	for _, name := range []string{"dir", "dir/sub", "a:b", "http:", "javascript:alert(1)", "?q", "#f", "a?b#c", "100%", "%2e%2e", `\\evil`, "a b", "a;b=c", "@host",
		"~user", "\xff\n", ".well-known", ".well-known/x:y", "'\"<>&"} {
		must(t, os.MkdirAll(docroot+"/"+name, 0o755))
	}
	s, err := New(docroot, nil)
	must(t, err)
	defer s.Close()
	for _, test := range []struct{ target, want string }{
		{"/dir", "dir/"},
		{"/dir?", "./dir/?"},
		{"/dir?a=b/c?d", "./dir/?a=b/c?d"},
		{"//dir", "dir/"},
		{"///dir", "dir/"},
		{"/./dir", "dir/"},
		{"/dir/sub", "sub/"},
		{"/dir//sub", "sub/"},
		{"//dir//sub", "sub/"},
		{"/dir/./sub", "sub/"},
		{"/dir/../dir/sub", "sub/"},
		{"/%64ir/%73ub", "sub/"},
		{"/a:b", "./a:b/"},
		{"/a%3ab", "./a:b/"},
		{"/http:", "./http:/"},
		{"/javascript:alert%281%29", "./javascript:alert%281%29/"},
		{"/%3fq", "%3Fq/"},
		{"/%23f", "%23f/"},
		{"/a%3fb%23c?q", "./a%3Fb%23c/?q"},
		{"/100%25", "100%25/"},
		{"/%252e%252e", "%252e%252e/"},
		{"/%5c%5cevil", "%5C%5Cevil/"},
		{"/a%20b", "a%20b/"},
		{"/a;b=c", "a;b=c/"},
		{"/@host", "@host/"},
		{"/~user", "~user/"},
		{"/%ff%0a", "%FF%0A/"},
		{"/.well-known", ".well-known/"},
		{"/.well-known/x:y", "./x:y/"},
		{"/%27%22%3c%3e%26", "%27%22%3C%3E%26/"},
	} {
		p := get(t, s, test.target)
		got := field(t, p, "Location")
		if p.Status != 301 || got != test.want {
			t.Errorf("%s: %d to %q, want %q", test.target, p.Status, got, test.want)
			continue
		}
		path, query, _ := strings.Cut(test.target, "?")
		wantRedirect(t, path, query, got)
	}
	r := request("GET", "/dir/sub?a")
	r.Internal = true
	p := s.Answer(r)
	defer p.Release()
	if got := field(t, p, "Location"); got != "/dir/sub/?a" {
		t.Errorf("for one who does not know the path: %q", got)
	}
}

// FuzzRedirect: the same for any path, whether there is such a directory or not.
func FuzzRedirect(f *testing.F) {
	for _, path := range []string{"/dir", "//dir", "/a//b", "/a:b", "/%2f", "/%3a", "/x/%2e%2e/y", "/?", "/%3f%23", "/%5c%5ce", "/~u", "/./a/../b", "/http://evil", "/a;b", "/\\evil", "/%0d%0a"} {
		f.Add(path, "a=b")
	}
	f.Fuzz(func(t *testing.T, raw, query string) {
		p, _, err := decode([]byte(raw))
		if err != nil || p.slash {
			return
		}
		r := &web.Request{Method: []byte("GET"), Path: []byte(raw), Query: []byte(query), HasQuery: true}
		reply := redirect(p, r)
		wantRedirect(t, raw, query, field(t, reply, "Location"))
	})
}
