package site

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xanadu/web"
)

// source is in every program of these tests and must be in no reply.
const source = "#!/bin/sh SECRET-SOURCE\n"

// eachSite runs a test with programs beside the document root, within it, and
// deep within it under another name, by each way to stay within a root.
func eachSite(t *testing.T, test func(t *testing.T, s *Site, dir string)) {
	eachKind(t, func(t *testing.T, kind *kind) {
		for _, dir := range []string{"programs", "docs/cgi-bin", "docs/deep/down"} {
			t.Run(dir, func(t *testing.T) {
				base := t.TempDir()
				install(t, base, dir)
				s, err := newSite(filepath.Join(base, "docs"), &Options{Programs: filepath.Join(base, dir)}, kind)
				must(t, err)
				t.Cleanup(func() { must(t, s.Close()) })
				test(t, s, filepath.Join(base, dir))
			})
		}
	})
}

func install(t testing.TB, base, dir string) {
	t.Helper()
	plant(t, base, map[string]string{
		"docs/index.html":        "index",
		"docs/doc.txt":           "doc",
		"docs/other/doc.txt":     "doc",
		"outside":                source,
		dir + "/prog":            source,
		dir + "/nph-prog":        source,
		dir + "/a b.cgi":         source,
		dir + "/plain":           source,
		dir + "/index.html":      source,
		dir + "/sub/prog":        source,
		dir + "/sub/deeper/prog": source,
		dir + "/.hidden":         source,
		dir + "/prog~":           source,
		dir + "/empty/":          "",
	})
	in := func(name string) string { return filepath.Join(base, dir, name) }
	for _, name := range []string{"prog", "nph-prog", "a b.cgi", "index.html", "sub/prog", "sub/deeper/prog", ".hidden"} {
		must(t, os.Chmod(in(name), 0o755))
	}
	must(t, os.Chmod(filepath.Join(base, "outside"), 0o755))
	must(t, syscall.Mkfifo(in("fifo"), 0o755))
	must(t, os.Symlink("prog", in("link")))
	must(t, os.Symlink("../outside", in("out")))
	must(t, os.Symlink("/bin/sh", in("shell")))
	must(t, os.Symlink("loop", in("loop")))
	must(t, os.Symlink(in("."), filepath.Join(base, "docs/link")))
	must(t, os.Symlink(in("prog"), filepath.Join(base, "docs/proglink")))
	rel, err := filepath.Rel(filepath.Join(base, "docs"), in("."))
	must(t, err)
	must(t, os.Symlink(rel, filepath.Join(base, "docs/rellink")))
	must(t, os.Symlink("../"+rel, filepath.Join(base, "docs/other/rellink")))
}

func TestPrograms(t *testing.T) {
	eachSite(t, func(t *testing.T, s *Site, dir string) {
		for _, test := range []struct {
			target string
			script string // "": it is answered with status
			info   string
			status int
		}{
			{"/cgi-bin/prog", "prog", "", 0},
			{"/cgi-bin/prog/", "prog", "/", 0},
			{"/cgi-bin/prog/one/two", "prog", "/one/two", 0},
			{"/cgi-bin/prog/one/two/", "prog", "/one/two/", 0},
			{"/cgi-bin/prog/a%20b%3f/%C3%BC%ff", "prog", "/a b?/\xc3\xbc\xff", 0},
			{"/cgi-bin/prog/.git/..config", "prog", "/.git/..config", 0},
			{"/cgi-bin/prog/" + strings.Repeat("x", 300), "prog", "/" + strings.Repeat("x", 300), 0},
			{"/cgi-bin/prog//a/./b/../c", "prog", "/a/c", 0},
			{"//cgi-bin//prog", "prog", "", 0},
			{"/./cgi-bin/prog", "prog", "", 0},
			{"/other/../cgi-bin/prog", "prog", "", 0},
			{"/cgi%2dbin/%70rog", "prog", "", 0},
			{"/cgi-bin/a%20b.cgi/x", "a b.cgi", "/x", 0},
			{"/cgi-bin/nph-prog", "nph-prog", "", 0},
			{"/cgi-bin/index.html", "index.html", "", 0},
			{"/cgi-bin/sub/prog/x", "sub/prog", "/x", 0},
			{"/cgi-bin/sub/deeper/prog", "sub/deeper/prog", "", 0},
			{"/cgi-bin/link/x", "link", "/x", 0},

			{"/cgi-bin", "", "", 403},
			{"/cgi-bin/", "", "", 403},
			{"/cgi-bin/sub", "", "", 403},
			{"/cgi-bin/sub/", "", "", 403},
			{"/cgi-bin/empty/", "", "", 403},
			{"/cgi-bin/plain", "", "", 403},
			{"/cgi-bin/plain/prog", "", "", 403},
			{"/cgi-bin/none", "", "", 404},
			{"/cgi-bin/prog%00", "", "", 400},
			{"/cgi-bin/prog%20", "", "", 404},
			{"/cgi-bin/prog%2f", "", "", 404},
			{"/cgi-bin/prog/a%2fb", "", "", 404},
			{"/cgi-bin/prog/a%0ab", "", "", 404},
			{"/cgi-bin%2fprog", "", "", 404},
			{"/cgi-bin/fifo", "", "", 404},
			{"/cgi-bin/out", "", "", 404},
			{"/cgi-bin/shell", "", "", 404},
			{"/cgi-bin/loop", "", "", 404},
			{"/cgi-bin/.hidden", "", "", 404},
			{"/cgi-bin/./.hidden", "", "", 404},
			{"/cgi-bin/sub/.x/../prog", "", "", 404},
			{"/cgi-bin/../../bin/sh", "", "", 400},
			{"/cgi-bin/%2e%2e/%2e%2e/bin/sh", "", "", 400},
			{"/cgi-bin/..%2f..%2fbin/sh", "", "", 404},
			{"/cgi-binx/prog", "", "", 404},
			{"/CGI-BIN/prog", "", "", 404},
		} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "BREW"} {
				p := ask(t, s, method, test.target+"?query")
				if test.script == "" {
					// Beyond the prefix other methods mean other things.
					if method == "GET" && (p.Status != test.status || p.Program != nil) {
						t.Errorf("%s: %d, %v; want %d", test.target, p.Status, p.Program, test.status)
					}
					continue
				}
				got := p.Program
				if got == nil {
					t.Errorf("%s %s: %d", method, test.target, p.Status)
					continue
				}
				want := web.Program{Dir: got.Dir, File: filepath.Base(test.script), Name: filepath.Base(test.script), Script: "/cgi-bin/" + test.script, Info: test.info,
					Filename: filepath.Join(dir, test.script), Root: s.programs.docroot}
				if test.info != "" {
					want.Translated = want.Root + test.info
				}
				if *got != want {
					t.Errorf("%s: %+v, want %+v", test.target, *got, want)
				}
				var st, same syscall.Stat_t
				must(t, syscall.Fstat(got.Dir.Number(), &st))
				must(t, syscall.Stat(filepath.Dir(want.Filename), &same))
				if st.Ino != same.Ino {
					t.Errorf("%s: it would run in another directory", test.target)
				}
				if got.SpeaksHTTP() != strings.HasPrefix(want.Name, "nph-") {
					t.Errorf("%s: speaks HTTP: %t", test.target, got.SpeaksHTTP())
				}
			}
		}
		for _, method := range []string{"TRACE", "CONNECT"} {
			if p := ask(t, s, method, "/cgi-bin/prog"); p.Status != 501 || p.Program != nil {
				t.Errorf("%s: %d", method, p.Status)
			}
		}
	})
}

// TestNoSource asks for programs by every way around the prefix, and for the
// lists that might show them.
func TestNoSource(t *testing.T) {
	eachSite(t, func(t *testing.T, s *Site, dir string) {
		names := []string{"prog", "plain", "a%20b.cgi", "sub/prog", "sub/deeper/prog", "index.html", "prog~", "link", ".hidden", "", "sub/", "sub", "empty/"}
		prefixes := []string{"cgi-bin", "deep/down", "link", "rellink", "other/rellink", "other/../rellink", "deep/../rellink", "rellink/sub/..", "rellink/./sub/.."}
		for _, prefix := range prefixes {
			for _, name := range names {
				for _, target := range []string{
					"/" + prefix + "/" + name, "//" + prefix + "/" + name, "/./" + prefix + "//" + name, "/other/../" + prefix + "/" + name,
					"/" + strings.ToUpper(prefix) + "/" + name, "/" + prefix + "%2f" + name, "/" + prefix + "/" + name + "%00", "/" + prefix + "/" + name + "%20",
					"/" + prefix + "/" + name + ".", "/" + prefix + "/" + name + "/", "/" + prefix + "/" + name + "/.", "/" + prefix + "/" + name + "~", "/" + prefix + "\\" + name,
				} {
					for _, method := range []string{"GET", "HEAD", "POST"} {
						wantNoSource(t, ask(t, s, method, target), method+" "+target)
					}
				}
			}
		}
		wantNoSource(t, get(t, s, "/proglink"), "a link to a program")
		for _, target := range []string{"/?format=text", "/other/?format=text", "/deep/?format=text"} {
			p := get(t, s, target)
			if list := content(t, p); strings.Contains(list, "rellink") || strings.Contains(list, "proglink") || strings.Contains(list, "cgi-bin") || strings.Contains(list, "down") {
				t.Errorf("%s lists programs: %s", target, list)
			}
		}
		if p := get(t, s, "/doc.txt"); content(t, p) != "doc" {
			t.Errorf("a document: %d", p.Status)
		}
	})
}

func wantNoSource(t *testing.T, p *web.Reply, what string) {
	t.Helper()
	if p.Program != nil || p.Stream != nil {
		return
	}
	text := content(t, p)
	if strings.Contains(text, "SECRET") || p.Status == 200 && strings.Contains(text, ">prog") {
		t.Errorf("%s: %d %q", what, p.Status, text)
	}
}

// TestNoPrograms: without programs the prefix is a name like any other.
func TestNoPrograms(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(dir string) *Site) {
		dir := t.TempDir()
		plant(t, dir, map[string]string{"cgi-bin/doc.txt": "doc"})
		s := open(dir)
		if p := get(t, s, "/cgi-bin/doc.txt"); p.Status != 200 || p.Program != nil {
			t.Errorf("%d, %v", p.Status, p.Program)
		}
	})
}

func TestProgramDirectories(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"docs/deep/": "", "file": ""})
	must(t, os.Symlink(dir, filepath.Join(dir, "docs/up")))
	for _, test := range []struct{ name, programs, want string }{
		{"the document root", "docs", "the documents lie in it"},
		{"around the document root", ".", "the documents lie in it"},
		{"around it by a link", "docs/up", "the documents lie in it"},
		{"nothing", "none", ": open: no such file or directory; name a directory that exists"},
		{"a file", "file", "name the directory rather than a file in it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := New(filepath.Join(dir, "docs"), &Options{Programs: filepath.Join(dir, test.programs)})
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "run programs from "+filepath.Join(dir, test.programs)+": ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestProgramOfUser: programs may lie in what a user serves, and are no
// documents there either.
func TestProgramOfUser(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"docs/": "", "home/sws/cgi/prog": source, "home/sws/doc.txt": "doc"})
	s, err := New(filepath.Join(dir, "docs"), &Options{
		Programs: filepath.Join(dir, "home/sws/cgi"),
		Users:    true,
		Home:     func(string) (string, error) { return filepath.Join(dir, "home"), nil },
	})
	must(t, err)
	defer s.Close()
	if p := get(t, s, "/~u/doc.txt"); p.Status != 200 {
		t.Errorf("a document: %d", p.Status)
	}
	wantNoSource(t, get(t, s, "/~u/cgi/prog"), "a program")
	wantNoSource(t, get(t, s, "/~u/cgi/"), "a list")
	wantNoSource(t, get(t, s, "/~u/"), "a list")
}

// FuzzPrograms: however a path is spelled, no source is in the reply, and what a
// program is told of the path is the path.
func FuzzPrograms(f *testing.F) {
	base := f.TempDir()
	install(f, base, "docs/cgi-bin")
	s, err := New(filepath.Join(base, "docs"), &Options{Programs: filepath.Join(base, "docs/cgi-bin")})
	must(f, err)
	f.Cleanup(func() { s.Close() })
	for _, seed := range []string{"/cgi-bin/prog", "//cgi-bin/prog/x//y/", "/rellink/prog", "/cgi%2dbin/sub/prog/%2e%2e/z", "/other/../CGI-BIN/prog", "/proglink", "/cgi-bin/prog/.x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		target, _, _ = strings.Cut(target, "?")
		p := s.Answer(request("GET", target))
		defer p.Release()
		if p.Program == nil {
			wantNoSource(t, p, target)
			return
		}
		told := p.Program.Script + p.Program.Info
		decoded, err := url.PathUnescape(target)
		if err != nil {
			t.Fatalf("%q leads to %q", target, told)
		}
		// Only detours are taken out.
		clean := filepath.Clean("/" + decoded)
		if last := decoded[strings.LastIndexByte(decoded, '/')+1:]; clean != "/" && (last == "" || last == "." || last == "..") {
			clean += "/"
		}
		if told != clean {
			t.Fatalf("%q leads to %q, want %q", target, told, clean)
		}
		if _, err := os.Stat(filepath.Join(s.programs.dir, strings.TrimPrefix(p.Program.Script, "/cgi-bin/"))); err != nil {
			t.Fatal(err)
		}
	})
}
