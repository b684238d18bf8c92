package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"xanadu/web"
)

func TestNewErrors(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"file": "", "closed/": "", "unlisted/": "", "unsearched/": ""})
	link(t, "loop", dir+"/loop")
	must(t, syscall.Mkfifo(dir+"/fifo", 0o644))
	must(t, os.Chmod(dir+"/closed", 0))
	must(t, os.Chmod(dir+"/unlisted", 0o311))
	must(t, os.Chmod(dir+"/unsearched", 0o644))
	t.Cleanup(func() { os.Chmod(dir+"/unsearched", 0o755) })
	kinds := []*kind{bestKind(), byWalking}
	for _, kind := range kinds {
		for _, test := range []struct {
			name string
			errs error
			says string
			user bool
		}{
			{"missing", syscall.ENOENT, "open: no such file or directory; name a directory or a file that exists", false},
			{"fifo", syscall.ENOTDIR, "open: not a directory; name a directory or a regular file", false},
			{"loop", syscall.ELOOP, "open: too many levels of symbolic links; name another directory", false},
			{"closed", syscall.EACCES, "open: permission denied; whoever serves it must be able to read and search it (chmod a+rx)", true},
			{"unlisted", syscall.EACCES, "(chmod a+rx)", true},
			{"unsearched", syscall.EACCES, "(chmod a+rx)", true},
		} {
			t.Run(test.name, func(t *testing.T) {
				if test.user {
					asUser(t)
				}
				r, err := kind.open(dir + "/" + test.name)
				if err == nil {
					r.Close()
				}
				if err != test.errs {
					t.Errorf("%v, want %v", err, test.errs)
				}
				s, err := New(dir+"/"+test.name, nil)
				if err == nil {
					s.Close()
					t.Fatal("New succeeds")
				}
				if want := "serve " + dir + "/" + test.name + ": "; !errors.Is(err, test.errs) ||
					!strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), test.says) {
					t.Errorf("New: %v, want %s... %s", err, want, test.says)
				}
			})
		}
	}
}

func TestMethods(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"hello.txt": "Hello, world\n"})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		const allow = "GET, HEAD, OPTIONS"
		for _, test := range []struct {
			method, target string
			status         int
			allow          string
		}{
			{"GET", "/hello.txt", 200, ""},
			{"HEAD", "/hello.txt", 200, ""},
			{"HEAD", "/nope", 404, ""},
			{"HEAD", "/%zz", 400, ""},
			{"OPTIONS", "/hello.txt", 204, allow},
			{"OPTIONS", "*", 204, allow},
			{"GET", "*", 400, ""},
			{"POST", "/hello.txt", 405, allow},
			{"POST", "/nope", 405, allow},
			{"PUT", "/new.txt", 405, allow},
			{"DELETE", "/hello.txt", 405, allow},
			{"PATCH", "/hello.txt", 405, allow},
			{"TRACE", "/hello.txt", 405, allow},
			{"CONNECT", "/hello.txt", 405, allow},
			{"PROPFIND", "/hello.txt", 501, ""},
			{"COPY", "/hello.txt", 501, ""},
			{"get", "/hello.txt", 501, ""},
			{"GETX", "/hello.txt", 501, ""},
			{"", "/hello.txt", 501, ""},
		} {
			p := ask(t, s, test.method, test.target)
			what := test.method + " " + test.target
			wantStatus(t, p, what, test.status)
			if got := field(t, p, "Allow"); got != test.allow {
				t.Errorf("%s: Allow %q, want %q", what, got, test.allow)
			}
			if got := field(t, p, "X-Content-Type-Options"); p.Size > 0 && got != "nosniff" {
				t.Errorf("%s: X-Content-Type-Options %q", what, got)
			}
			if p.Status == 204 && (p.Size != 0 || p.Type != "") {
				t.Errorf("%s: 204 with %d octets of %q", what, p.Size, p.Type)
			}
		}
		if head, plain := ask(t, s, "HEAD", "/hello.txt"), get(t, s, "/hello.txt"); head.ETag != plain.ETag ||
			head.Modified != plain.Modified || head.Type != plain.Type || head.Size != plain.Size {
			t.Errorf("HEAD and GET differ: %+v, %+v", head, plain)
		}
	})
}

// The tree and what is asked of it: every kind of path that servers have fallen
// for.
func TestPaths(t *testing.T) {
	base := t.TempDir()
	plant(t, base, map[string]string{
		"canary.txt":                   canary,
		"docroot-evil/canary.txt":      canary,
		"docroot/index.html":           "<title>INDEX-ROOT</title>\n",
		"docroot/hello.txt":            "Hello, world\n",
		"docroot/empty.txt":            "",
		"docroot/dir/a.txt":            "FILE-A\n",
		"docroot/dir/b b.txt":          "FILE-BB\n",
		"docroot/withindex/index.html": "INDEX-SUB\n",
		"docroot/emptydir/.keep":       "",
		"docroot/space name.txt":       "SPACE\n",
		"docroot/plus+sign.txt":        "PLUS\n",
		"docroot/percent%41.txt":       "PERCENT\n",
		"docroot/semi;colon.txt":       "SEMI\n",
		"docroot/caf\u00e9.txt":        "UTF8\n",
		"docroot/.hidden":              "HIDDEN\n",
		"docroot/.git/config":          "HIDDEN\n",
		"docroot/dir/.hidden":          "HIDDEN\n",
		"docroot/notindex/index.html/": "",
		"docroot/notindex/x":           "",
	})
	link(t, "hello.txt", base+"/docroot/symlink-in")
	link(t, "../canary.txt", base+"/docroot/symlink-out")
	link(t, "../../canary.txt", base+"/docroot/emptydir/index.html")
	deep := strings.Repeat("/%2e%2e", 200)

	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(base + "/docroot")
		for _, test := range []struct {
			target string
			status int
			want   string // content of 200, Location of 301
		}{
			{"/", 200, "<title>INDEX-ROOT</title>\n"},
			{"/hello.txt", 200, "Hello, world\n"},
			{"/hello%2Etxt", 200, "Hello, world\n"},
			{"/hello.txt?a=b&c=../..", 200, "Hello, world\n"},
			{"/hello.txt?/../../etc/passwd", 200, "Hello, world\n"},
			{"/dir/../hello.txt", 200, "Hello, world\n"},
			{"//hello.txt", 200, "Hello, world\n"},
			{"/./hello.txt", 200, "Hello, world\n"},
			{"/symlink-in", 200, "Hello, world\n"},
			{"/empty.txt", 200, ""},
			{"/dir/a.txt", 200, "FILE-A\n"},
			{"/space%20name.txt", 200, "SPACE\n"},
			{"/plus+sign.txt", 200, "PLUS\n"},
			{"/percent%2541.txt", 200, "PERCENT\n"},
			{"/semi;colon.txt", 200, "SEMI\n"},
			{"/semi%3Bcolon.txt", 200, "SEMI\n"},
			{"/caf%C3%A9.txt", 200, "UTF8\n"},
			{"/caf\u00e9.txt", 200, "UTF8\n"},
			{"/dir/..", 200, "<title>INDEX-ROOT</title>\n"},
			{"/withindex/", 200, "INDEX-SUB\n"},
			{"/withindex/.", 200, "INDEX-SUB\n"},
			{"/withindex/index.html", 200, "INDEX-SUB\n"},

			{"/withindex", 301, "withindex/"},
			{"/withindex?a=b", 301, "./withindex/?a=b"},
			{"/withindex?", 301, "./withindex/?"},
			{"/dir/../withindex", 301, "withindex/"},
			{"//withindex", 301, "withindex/"},
			{"/%77ithindex", 301, "withindex/"},
			{"/withindex?%0d%0aX-Inj:%20yes", 301, "./withindex/?%0d%0aX-Inj:%20yes"},
			{"/withindex?\r\nX-Inj: \"<\xe9>", 301, "./withindex/?%0D%0AX-Inj:%20%22%3C%E9%3E"},

			{"/nope", 404, ""},
			{"/HELLO.TXT", 404, ""},
			{"/hello.txt::$DATA", 404, ""},
			{"/hello.txt.", 404, ""},
			{"/hello.txt%20", 404, ""},
			{"/hello.txt/", 404, ""},
			{"/hello.txt/extra", 404, ""},
			{"/hello.txt/index.html/", 404, ""},
			{"/nope/", 404, ""},
			{"/space+name.txt", 404, ""},
			{"/" + strings.Repeat("n", 300), 404, ""},
			{"/" + strings.Repeat("n", 255), 404, ""},
			{strings.Repeat("/n", 2047), 404, ""},
			{strings.Repeat("/n", 8000), 404, ""},
			{"/%0d%0aX-Inj:%20yes", 404, ""},
			{"/dir%0d%0aX-Inj:%20yes/", 404, ""},
			{"/<script>alert(1)</script>", 404, ""},
			{"/.hidden", 404, ""},
			{"/%2ehidden", 404, ""},
			{"/dir/.hidden", 404, ""},
			{"/.git/config", 404, ""},
			{"/.git/", 404, ""},
			{"/emptydir/.keep", 404, ""},

			// No index that leads out, and no list instead of it.
			{"/emptydir/", 404, ""},
			{"/symlink-out", 404, ""},

			{"/%", 400, ""},
			{"/%zz", 400, ""},
			{"/hello.txt%00", 400, ""},
			{"/%00/../../canary.txt", 400, ""},

			{"/../canary.txt", 400, ""},
			{"/../canary.txt%00", 400, ""},
			{"/%2e%2e/canary.txt", 400, ""},
			{"/dir/../..", 400, ""},
			{"/dir//../../canary.txt", 400, ""},
			{"/;/../../canary.txt", 400, ""},
			{"/../docroot-evil/canary.txt", 400, ""},
			{deep + "/etc/passwd", 400, ""},
			{"/..%2fcanary.txt", 404, ""},
			{"/..%2Fcanary.txt", 404, ""},
			{"/%2fetc/passwd", 404, ""},
			{"/%2f%2fetc%2fpasswd", 404, ""},
			{"//etc/passwd", 404, ""},
			{"/proc/self/environ", 404, ""},
			{"/%252e%252e%252fcanary.txt", 404, ""},
			{"/%252e%252e/canary.txt", 404, ""},
			{`/..\canary.txt`, 404, ""},
			{"/%2e%2e%5ccanary.txt", 404, ""},
			{"/....//canary.txt", 404, ""},
			{"/..;/canary.txt", 404, ""},
			{"/..%09/canary.txt", 404, ""},
			{"/%c0%ae%c0%ae/canary.txt", 404, ""},
			{"/\xc0\xae\xc0\xae/canary.txt", 404, ""},
			{"/%e0%80%ae%e0%80%ae/canary.txt", 404, ""},
			{"/%f0%80%80%ae%f0%80%80%ae/canary.txt", 404, ""},

			// No other host, by whatever slash (CVE-2021-28861).
			{"//evil.example/..%2fwithindex", 404, ""},
			{`/\evil.example/..%2fwithindex`, 404, ""},
			{"//evil.example/../withindex", 301, "withindex/"},
			{`/\evil.example/../withindex`, 301, "withindex/"},
			{"/%5cevil.example/../withindex", 301, "withindex/"},
			{"//evil.example/%2e%2e/withindex", 301, "withindex/"},
		} {
			p := get(t, s, test.target)
			if p.Status != test.status {
				t.Errorf("%.60q: %d, want %d", test.target, p.Status, test.status)
				continue
			}
			got := content(t, p)
			if strings.Contains(got, canary) || strings.Contains(got, "HIDDEN") || strings.Contains(got, "<script>") {
				t.Errorf("%.60q: %q", test.target, got)
			}
			switch test.status {
			case 200:
				if got != test.want {
					t.Errorf("%.60q: %q, want %q", test.target, got, test.want)
				}
			case 301:
				if location := field(t, p, "Location"); location != test.want {
					t.Errorf("%.60q: Location %q, want %q", test.target, location, test.want)
				}
			default:
				wantStatus(t, p, test.target, test.status)
			}
		}
		if p := get(t, s, "/notindex/"); p.Status != 200 || !strings.Contains(content(t, p), `href="index.html/"`) {
			t.Errorf("/notindex/: %d, want the list", p.Status)
		}
		// A directory's redirect is safe also where its own name is not.
		name := "\\\\evil\r\n\"<é>"
		must(t, os.Mkdir(filepath.Join(base, "docroot", name), 0o755))
		defer os.Remove(filepath.Join(base, "docroot", name))
		p := get(t, s, "/%5c%5cevil%0d%0a%22%3cé%3e")
		if got := field(t, p, "Location"); got != "%5C%5Cevil%0D%0A%22%3C%C3%A9%3E/" {
			t.Errorf("Location %q", got)
		}
	})
}

// All spellings of one name are the same to whoever asks for it.
func TestSpellings(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"dir/a.txt": "FILE-A\n", "dir/.secret/x": "HIDDEN\n"})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		plain := get(t, s, "/dir/a.txt")
		for _, detour := range []string{"/", "//", "/./", "/x/../", "/%2e/", "//x//..//", "/x/%2e%2E/"} {
			for _, name := range []string{"dir/a.txt", "%64ir/%61.txt", "dir//a.txt", "dir/./a%2etxt", "dir/y/../a.txt"} {
				p := get(t, s, detour+name)
				if p.Status != 200 || p.ETag != plain.ETag || string(p.Body) != "FILE-A\n" {
					t.Errorf("%s: %d %q, want what /dir/a.txt is", detour+name, p.Status, p.Body)
				}
			}
			for _, name := range []string{"dir/.secret/x", "dir/%2esecret/x", "dir/.%73ecret/x", "dir//.secret/./x"} {
				wantStatus(t, get(t, s, detour+name), detour+name, 404)
			}
		}
	})
}

func TestPermissions(t *testing.T) {
	asUser(t)
	dir := t.TempDir()
	plant(t, dir, map[string]string{
		"unreadable.txt":          "SECRET\n",
		"unlisted/index.html":     "INDEX\n",
		"unlisted/a.txt":          "A\n",
		"unlisted-bare/a.txt":     "A\n",
		"unsearched/a.txt":        "A\n",
		"hidden-index/index.html": "SECRET\n",
		"hidden-index/a.txt":      "A\n",
		"closed/index.html":       "SECRET\n",
	})
	for name, mode := range map[string]os.FileMode{
		"unreadable.txt": 0, "unlisted": 0o311, "unlisted-bare": 0o311, "unsearched": 0o644, "hidden-index/index.html": 0, "closed": 0,
	} {
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	t.Cleanup(func() {
		for _, name := range []string{"unlisted", "unlisted-bare", "unsearched", "closed"} {
			os.Chmod(filepath.Join(dir, name), 0o755)
		}
	})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		// Who walks by himself has to read the directories on his way.
		walked := s.kind == byWalking
		through := func(status int) int {
			if walked {
				return 403
			}
			return status
		}
		for target, want := range map[string]int{
			"/unreadable.txt":          403,
			"/unreadable.txt/":         403,
			"/unlisted":                301,
			"/unlisted/":               through(200),
			"/unlisted/a.txt":          through(200),
			"/unlisted-bare/":          403,
			"/unlisted-bare/nope":      through(404),
			"/unsearched":              301,
			"/unsearched/":             403,
			"/unsearched/a.txt":        403,
			"/hidden-index/":           403,
			"/hidden-index/index.html": 403,
			"/hidden-index/a.txt":      200,
			"/closed":                  301,
			"/closed/":                 403,
		} {
			wantStatus(t, get(t, s, target), target, want)
		}
		if got := content(t, get(t, s, "/unlisted/")); got != "INDEX\n" && !walked {
			t.Errorf("/unlisted/: %q, want its index", got)
		}
	})
}

// A broken place cannot be entered.
type broken struct {
	where
	err error
}

func (b broken) enter(bool) (*opened, error) { return nil, b.err }

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err  syscall.Errno
		want int
	}{
		{syscall.ENOENT, 404},
		{syscall.ENOTDIR, 404},
		{syscall.EXDEV, 404},
		{syscall.ELOOP, 404},
		{syscall.ENAMETOOLONG, 404},
		{syscall.ENXIO, 404},
		{syscall.EINVAL, 404},
		{syscall.EACCES, 403},
		{syscall.EPERM, 403},
		{syscall.EMFILE, 503},
		{syscall.ENFILE, 503},
		{syscall.ENOMEM, 503},
		{syscall.EAGAIN, 503},
		{syscall.EIO, 500},
		{syscall.ESTALE, 500},
		{syscall.EBADF, 500},
	} {
		var complaints []string
		s, err := New(t.TempDir(), &Options{Errorf: func(format string, args ...any) {
			complaints = append(complaints, fmt.Sprintf(format, args...))
		}})
		must(t, err)
		defer s.Close()
		s.root.where = broken{s.root.where, test.err}
		for _, target := range []string{"/A%0aB", "/A%0aB/"} {
			complaints = nil
			p := get(t, s, target)
			wantStatus(t, p, test.err.Error(), test.want)
			if retry := field(t, p, "Retry-After"); (retry == "1") != (test.want == 503) {
				t.Errorf("%v: Retry-After %q", test.err, retry)
			}
			var want []string
			if test.want >= 500 {
				want = []string{fmt.Sprintf("answer %q: open: %v", strings.ToUpper(target), test.err)}
			}
			if !slices.Equal(complaints, want) {
				t.Errorf("%v: complaints %q, want %q", test.err, complaints, want)
			}
		}
	}
}

// Many ask at once, and the descriptors they had are all given back (TestMain
// counts).
func TestConcurrentAnswers(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"small.txt": "small\n", "large.bin": strings.Repeat("large", 1000), "sub/x": ""})
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := open(dir)
		s.maxInline, s.maxRead = 100, 100
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for range 50 {
					for target, want := range map[string]int{"/small.txt": 200, "/large.bin": 200, "/sub": 301, "/sub/": 200, "/nope": 404} {
						p := s.Answer(request("GET", target))
						if p.Status != want {
							t.Errorf("%s: %d, want %d", target, p.Status, want)
						}
						p.Release()
					}
				}
			})
		}
		running.Wait()
	})
}

func ExampleNew() {
	dir, err := os.MkdirTemp("", "docroot")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(dir+"/hello.txt", []byte("Hello, world\n"), 0o644)

	s, err := New(dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for _, path := range []string{"/hello.txt", "/../etc/passwd"} {
		p := s.Answer(&web.Request{Method: []byte("GET"), Path: []byte(path)})
		fmt.Println(path, p.Status, p.Type)
		p.Release()
	}
	// Output:
	// /hello.txt 200 text/plain
	// /../etc/passwd 400 text/html; charset=utf-8
}
