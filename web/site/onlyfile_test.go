package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xanadu/web"
)

// only makes a Site of the file name, which lies beside others.
func only(t *testing.T, kind *kind, name string) (s *Site, path string) {
	t.Helper()
	dir := t.TempDir()
	plant(t, dir, map[string]string{
		name: "REPORT\n", "secret.txt": canary, "index.html": canary, ".well-known/x": canary, "new": "NEWER\n", "sub/secret.txt": canary,
	})
	path = filepath.Join(dir, name)
	s, err := newSite(path, &Options{Users: true, Home: func(string) (string, error) { return dir, nil }}, kind)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s, path
}

// A single file is served at "/" and under its name, and nothing else is.
func TestOnlyFile(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		for _, name := range []string{"report.txt", ".profile.txt", "~user.txt", "a b%.txt"} {
			s, _ := only(t, kind, name)
			encoded := string(path{name: name}.append(nil))
			for _, target := range []string{"/", "//", "/.", "/?format=json", encoded, encoded + "?x", "/sub/.." + encoded} {
				p := get(t, s, target)
				if got := content(t, p); p.Status != 200 || got != "REPORT\n" || !strings.HasPrefix(p.Type, "text/plain") {
					t.Errorf("%s: %d %q %q, want the file", target, p.Status, p.Type, got)
				}
				if p.ETag == "" || !p.Ranges || p.Resolved != "." {
					t.Errorf("%s: ETag %q, ranges %v, resolved %q", target, p.ETag, p.Ranges, p.Resolved)
				}
			}
			for _, target := range []string{encoded + "/", encoded + "/x", "/secret.txt", "/index.html", "/sub/", "/sub", "/sub/secret.txt",
				"/~user/", "/~user/x", "/.well-known/x", "/.well-known/", "/..%2fsecret.txt", "/new", "/cgi-bin/x"} {
				p := get(t, s, target)
				wantStatus(t, p, target, 404)
				if now := s.AnswerNow(request("GET", target), make([]byte, 1<<10)); now != nil {
					t.Errorf("%s: answered at once: %d", target, now.Status)
					now.Release()
				}
			}
			wantStatus(t, ask(t, s, "POST", "/"), "POST /", 405)
		}
	})
}

func TestOnlyFileAtOnce(t *testing.T) {
	s, _ := only(t, bestKind(), "report.txt")
	if s.kind == byWalking {
		t.Skip("this system answers nothing at once")
	}
	aged(s)
	for _, target := range []string{"/", "/report.txt"} {
		slow := get(t, s, target)
		p := s.AnswerNow(request("GET", target), make([]byte, 1<<10))
		if p == nil {
			t.Fatalf("%s is not answered at once", target)
		}
		defer p.Release()
		if content(t, p) != "REPORT\n" || p.ETag != slow.ETag {
			t.Errorf("%s: %q %s, want the tag %s", target, p.Body, p.ETag, slow.ETag)
		}
		if s.Volume(request("GET", target)) == usersVolume {
			t.Errorf("%s waits for the database of users", target)
		}
	}
}

// What becomes of the name is seen within a second.
func TestOnlyFileChanges(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(path string) error
		status  int
		content string
	}{
		{"replaced", func(path string) error { return os.Rename(filepath.Dir(path)+"/new", path) }, 200, "NEWER\n"},
		{"edited", func(path string) error { return os.WriteFile(path, []byte("EDITED\n"), 0o644) }, 200, "EDITED\n"},
		{"removed", os.Remove, 404, ""},
		{"made a link", func(path string) error {
			must(t, os.Remove(path))
			return os.Symlink("sub/other.txt", path)
		}, 200, "OTHER\n"},
		{"made a link that leads out", func(path string) error {
			must(t, os.Remove(path))
			away := filepath.Join(t.TempDir(), "away")
			must(t, os.WriteFile(away, []byte("AWAY\n"), 0o644))
			return os.Symlink(away, path)
		}, 200, "AWAY\n"},
		{"made a directory", func(path string) error {
			must(t, os.Remove(path))
			return os.Mkdir(path, 0o755)
		}, 404, ""},
		{"its directory replaced", func(path string) error {
			dir := filepath.Dir(path)
			must(t, os.Rename(dir, dir+".old"))
			plant(t, dir, map[string]string{filepath.Base(path): "MOVED\n"})
			return nil
		}, 200, "MOVED\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, kind *kind) {
				s, path := only(t, kind, "report.txt")
				plant(t, filepath.Dir(path), map[string]string{"sub/other.txt": "OTHER\n"})
				at := time.Now().Add(time.Hour)
				s.now = func() time.Time { return at }
				before := get(t, s, "/")
				must(t, test.change(path))
				at = at.Add(lookEvery)
				if before.Unchanged() == web.Same {
					t.Error("the reply of before counts as unchanged")
				}
				for _, target := range []string{"/", "/report.txt"} {
					p := get(t, s, target)
					if p.Status != test.status || p.Status == 200 && content(t, p) != test.content {
						t.Errorf("%s: %d %q, want %d %q", target, p.Status, p.Body, test.status, test.content)
					}
				}
			})
		})
	}
}

// The directory of the file need only be searched.
func TestOnlyFileInUnlistedDirectory(t *testing.T) {
	asUser(t)
	dir := t.TempDir()
	plant(t, dir, map[string]string{"report.txt": "REPORT\n"})
	must(t, os.Chmod(dir, 0o311))
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	if bestKind() == byWalking {
		t.Skip("a walk reads the directories on its way")
	}
	s, err := New(dir+"/report.txt", nil)
	must(t, err)
	defer s.Close()
	if p := get(t, s, "/"); p.Status != 200 {
		t.Errorf("%d", p.Status)
	}
}

func TestOnlyFileErrors(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"file": "x", "programs/": ""})
	must(t, os.Symlink("file", dir+"/link"))
	for _, test := range []struct {
		name string
		opt  Options
		want string
	}{
		{"file", Options{Programs: dir + "/programs"}, "a single file is served without CGI programs; name its directory"},
		{"link", Options{UserDir: "www"}, "a single file is served without user directories; name its directory"},
		{"file/x", Options{}, "open: not a directory; name a directory or a regular file"},
	} {
		path := filepath.Join(dir, test.name)
		s, err := New(path, &test.opt)
		if err == nil {
			s.Close()
			t.Fatalf("%s: New succeeds", test.name)
		}
		if want := "serve " + path + ": " + test.want; err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
