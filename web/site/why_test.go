package site

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a person is told of each answer, and nothing of it to the client.
func TestTellsWhy(t *testing.T) {
	dir, outside, home := t.TempDir(), t.TempDir(), t.TempDir()
	plant(t, dir, map[string]string{
		"index.html": "the index", "file": "a file", "list/file": "another", ".git/config": "hidden", "cgi-bin/sub/": "",
	})
	plant(t, outside, map[string]string{"secret": "secret"})
	plant(t, home, map[string]string{"sws/file": "of the user"})
	must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "out")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	program := filepath.Join(dir, "cgi-bin", "program")
	must(t, os.WriteFile(program, nil, 0o755))
	s, err := New(dir, &Options{
		Users:    true,
		Home:     func(user string) (string, error) { return map[string]string{"one": home}[user], nil },
		Programs: filepath.Join(dir, "cgi-bin"),
	})
	must(t, err)
	defer func() { must(t, s.Close()) }()

	const noName = "no such name is served: it begins with a dot, holds a slash or is too long"
	for _, c := range []struct {
		method, target string
		status         int
		resolved, why  string
	}{
		{"GET", "/", 200, "index.html", ""},
		{"HEAD", "/file", 200, "file", ""},
		{"GET", "/list/", 200, "list", "it has no index.html: its list"},
		{"GET", "/list", 301, "list", "it is a directory, whose path ends with a slash"},
		{"GET", "/none", 404, "none", "open: no such file or directory"},
		{"GET", "/file/", 404, "file", "list: not a directory"},
		{"GET", "/.git/config", 404, "", noName},
		{"GET", "/a%2fb", 404, "", noName},
		{"GET", "/../x", 400, "", "the path is malformed, or leads above the root"},
		{"GET", "/out", 404, "out", "a symbolic link leads out of what is served (see --follow-links)"},
		{"GET", "/loop", 404, "loop", "a link in it leads to itself"},
		{"PUT", "/file", 405, "", "a document has GET, HEAD and OPTIONS only"},
		{"BREW", "/file", 501, "", "there is no such method here"},
		{"GET", "/~one/file", 200, filepath.Join(home, "sws", "file"), ""},
		{"GET", "/~one/none", 404, filepath.Join(home, "sws", "none"), "open: no such file or directory"},
		{"GET", "/~two/file", 404, "", "no user of that name serves anything"},
		{"POST", "/cgi-bin/program/info", 200, program, "a program"},
		{"GET", "/cgi-bin/none/info", 404, filepath.Join(dir, "cgi-bin", "none", "info"), "stat: no such file or directory"},
		{"GET", "/cgi-bin/sub/", 403, filepath.Join(dir, "cgi-bin", "sub"), "a directory of programs has no list"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			p := ask(t, s, c.method, c.target)
			if p.Status != c.status || p.Resolved != c.resolved || p.Why != c.why {
				t.Errorf("got %d: %q: %q, want %d: %q: %q", p.Status, p.Resolved, p.Why, c.status, c.resolved, c.why)
			}
			for _, secret := range []string{p.Why, home, dir} {
				if secret == "" {
					continue
				}
				if bytes.Contains(p.Body, []byte(secret)) {
					t.Errorf("the content tells %q", secret)
				}
				for _, f := range p.Fields {
					if strings.Contains(f.Value, secret) {
						t.Errorf("%s tells %q", f.Name, secret)
					}
				}
			}
		})
	}
}
