package site

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/internal/sys"
	"xanadu/web"
)

func TestMain(m *testing.M) { kit.Main(m) }

// old is when the files of a tree were last modified. That they were put there
// this moment shows in their ctime alone.
var old = time.Unix(1700000000, 0)

// plant makes files below dir; a path that ends with a slash is a directory.
func plant(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.WriteFile(path, []byte(content), 0o644))
		must(t, os.Chtimes(path, old, old))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eachRoot runs a test with each way to stay within a root.
func eachRoot(t *testing.T, test func(t *testing.T, open func(dir string) *Site)) {
	eachKind(t, func(t *testing.T, kind *kind) {
		test(t, func(dir string) *Site {
			t.Helper()
			s, err := newSite(dir, nil, kind)
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			return s
		})
	})
}

func eachKind(t *testing.T, test func(t *testing.T, kind *kind)) {
	t.Run("openat2", func(t *testing.T) {
		if err := sys.BeneathSupported(); err != nil {
			t.Skip("this kernel cannot: ", err)
		}
		test(t, byKernel)
	})
	t.Run("walked", func(t *testing.T) { test(t, byWalking) })
}

// aged has a site think that an hour has gone by since its files were planted.
func aged(s *Site) *Site {
	s.now = func() time.Time { return time.Now().Add(time.Hour) }
	return s
}

// ask gets an answer, which is released when the test ends.
func ask(t testing.TB, s *Site, method, target string) *web.Reply {
	t.Helper()
	r := request(method, target)
	p := s.Answer(r)
	t.Cleanup(p.Release)
	return p
}

func request(method, target string) *web.Request {
	path, query, ok := strings.Cut(target, "?")
	return &web.Request{Method: []byte(method), Path: []byte(path), Query: []byte(query), HasQuery: ok}
}

func get(t testing.TB, s *Site, target string) *web.Reply { return ask(t, s, "GET", target) }

// content reads what a reply holds.
func content(t testing.TB, p *web.Reply) string {
	t.Helper()
	if p.File == nil || p.Reread != nil {
		if p.Size != int64(len(p.Body)) {
			t.Fatalf("a reply of %d octets says that they are %d", len(p.Body), p.Size)
		}
		return string(p.Body)
	}
	fd, errno := sys.Dup(p.File.Number())
	if errno != 0 {
		t.Fatal(errno)
	}
	f := os.NewFile(uintptr(fd), "reply")
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, p.Size))
	must(t, err)
	return string(b)
}

// field returns the value of a reply's field, and fails where there are two.
func field(t testing.TB, p *web.Reply, name string) string {
	t.Helper()
	h := http.Header{}
	for _, f := range p.Fields {
		h.Add(f.Name, f.Value)
	}
	if values := h.Values(name); len(values) > 1 {
		t.Errorf("%s stands %d times: %q", name, len(values), values)
	}
	return h.Get(name)
}

// rootLink is where the page for a status differs from path to path.
var rootLink = regexp.MustCompile(` href="[./]+">`)

// wantStatus fails unless p has the status and, where it is an error, nothing
// but the page for it.
func wantStatus(t testing.TB, p *web.Reply, what string, want ...int) {
	t.Helper()
	for _, status := range want {
		if p.Status == status {
			if page := web.ErrorReply(nil, status); status >= 400 && p.Type == page.Type && rootLink.ReplaceAllString(content(t, p), ">") != rootLink.ReplaceAllString(string(page.Body), ">") {
				t.Errorf("%s: %d with other content than its page: %q", what, p.Status, p.Body)
			}
			return
		}
	}
	t.Errorf("%s: %d, want %d", what, p.Status, want)
}

// changed returns the ctime of a file.
func changed(t testing.TB, path string) time.Time {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	st, err := result(sys.Fstat(int(f.Fd())))
	must(t, err)
	return st.Ctime.Time()
}

// asUser skips a test of permissions, which do not hold for root.
func asUser(t testing.TB) {
	t.Helper()
	if syscall.Geteuid() == 0 {
		t.Skip("root may read everything: run this as another user")
	}
}
