package site

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"xanadu/internal/sys"
)

// TestProgramLinks: a link that leads out is followed when it, and all that it leads
// to, is root's or the owner's, and what it leads to is what runs.
func TestProgramLinks(t *testing.T) {
	const owner, stranger = 1234, 4321
	root := os.Getuid() == 0
	base := t.TempDir()
	plant(t, base, map[string]string{
		"docs/index.html":  "index",
		"programs/prog":    source,
		"out/prog":         source,
		"out/foreign":      source,
		"out/plain":        source,
		"out/apps/prog":    source,
		"out/apps/foreign": source,
		"out/apps/sub/x":   source,
		"open/prog":        source,
		"sticky/prog":      source,
		"theirs/prog":      source,
	})
	for _, name := range []string{"programs/prog", "out/prog", "out/foreign", "out/apps/prog", "out/apps/foreign", "out/apps/sub/x", "open/prog", "sticky/prog", "theirs/prog"} {
		must(t, os.Chmod(filepath.Join(base, name), 0o755))
	}
	must(t, os.Chmod(base+"/open", 0o777))
	must(t, os.Chmod(base+"/sticky", 0o777|os.ModeSticky))
	must(t, syscall.Mkfifo(base+"/out/fifo", 0o755))
	for name, target := range map[string]string{
		"relative":    "../out/prog",
		"absolute":    base + "/out/prog",
		"nph-raw":     "../out/prog",
		"chain":       "../out/link",
		"../out/link": base + "/out/prog",
		"back":        "../programs/prog",
		"apps":        "../out/apps",
		"through":     "apps/prog",
		"plain":       "../out/plain",
		"fifo":        "../out/fifo",
		"nothing":     "../out/nothing",
		"loop":        base + "/programs/loop",
		"file":        "../out/prog/x",
		"sticky":      "../sticky/prog",
		"open":        "../open/prog",

		"by-stranger":       "../out/prog",
		"to-stranger":       "../out/foreign",
		"by-way":            "../out/strangers",
		"../out/strangers":  base + "/out/prog",
		"in-theirs":         "../theirs/prog",
		"inside-stranger":   "absolute",
		"apps-by-stranger":  "../out/apps",
		"owners":            "../out/prog",
		"owners-to-owners":  "../out/apps/sub/x",
		"owners-to-strange": "../out/foreign",
	} {
		must(t, os.Symlink(target, filepath.Join(base, "programs", name)))
	}
	if root {
		chown := func(uid int, names ...string) {
			for _, name := range names {
				must(t, os.Lchown(filepath.Join(base, name), uid, uid))
			}
		}
		chown(owner, "programs", "programs/owners", "programs/owners-to-owners", "programs/owners-to-strange", "out/apps/sub/x")
		chown(stranger, "programs/by-stranger", "out/foreign", "out/apps/foreign", "out/strangers", "theirs", "programs/inside-stranger", "programs/apps-by-stranger")
	}
	within := func(dir string) sys.Identity {
		fd, err := syscall.Open(filepath.Join(base, dir), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		must(t, err)
		defer syscall.Close(fd)
		st, errno := sys.Fstat(fd)
		if errno != 0 {
			t.Fatal(errno)
		}
		return st.Identity()
	}
	s, err := New(base+"/docs", &Options{Programs: base + "/programs", ProgramLinks: true})
	must(t, err)
	defer s.Close()
	without, err := New(base+"/docs", &Options{Programs: base + "/programs"})
	must(t, err)
	defer without.Close()
	for _, test := range []struct {
		target string
		name   string // beneath /cgi-bin/; "": it is answered with status
		info   string
		dir    string
		file   string
		status int

		strange bool // it is a stranger's
	}{
		{target: "prog", name: "prog", dir: "programs", file: "prog"},
		{target: "relative", name: "relative", dir: "out", file: "prog"},
		{target: "relative/a/b", name: "relative", info: "/a/b", dir: "out", file: "prog"},
		{target: "absolute/", name: "absolute", info: "/", dir: "out", file: "prog"},
		{target: "nph-raw", name: "nph-raw", dir: "out", file: "prog"},
		{target: "chain", name: "chain", dir: "out", file: "prog"},
		{target: "back", name: "back", dir: "programs", file: "prog"},
		{target: "apps/prog/x", name: "apps/prog", info: "/x", dir: "out/apps", file: "prog"},
		{target: "apps/sub/x", name: "apps/sub/x", dir: "out/apps/sub", file: "x"},
		{target: "through", name: "through", dir: "out/apps", file: "prog"},
		{target: "sticky", name: "sticky", dir: "sticky", file: "prog"},
		{target: "owners", name: "owners", dir: "out", file: "prog"},
		{target: "owners-to-owners", name: "owners-to-owners", dir: "out/apps/sub", file: "x"},

		{target: "apps", status: 403},
		{target: "apps/", status: 403},
		{target: "plain", status: 403},
		{target: "fifo", status: 404},
		{target: "nothing", status: 404},
		{target: "apps/nothing", status: 404},
		{target: "apps/.hidden", status: 404},
		{target: "loop", status: 404},
		{target: "file", status: 404},
		{target: "open", status: 404},
		{target: "by-stranger", status: 404, strange: true},
		{target: "to-stranger", status: 404, strange: true},
		{target: "by-way", status: 404, strange: true},
		{target: "in-theirs", status: 404, strange: true},
		{target: "inside-stranger", status: 404, strange: true},
		{target: "apps-by-stranger/prog", status: 404, strange: true},
		{target: "apps/foreign", status: 404, strange: true},
		{target: "owners-to-strange", status: 404, strange: true},
	} {
		if test.strange && !root {
			continue // only root can make a stranger's file
		}
		p := get(t, s, "/cgi-bin/"+test.target)
		if test.name == "" {
			wantStatus(t, p, test.target, test.status)
			continue
		}
		got := p.Program
		if got == nil {
			t.Errorf("%s: status %d, %s", test.target, p.Status, p.Why)
			continue
		}
		st, _ := sys.Fstat(got.Dir.Number())
		if got.Name != filepath.Base(test.name) || got.Script != "/cgi-bin/"+test.name || got.Info != test.info ||
			got.File != test.file || got.Filename != filepath.Join(base, "programs", test.name) || st.Identity() != within(test.dir) {
			t.Errorf("%s: %+v", test.target, got)
		}
		if got.SpeaksHTTP() != (test.name == "nph-raw") {
			t.Errorf("%s speaks HTTP: %t", test.target, got.SpeaksHTTP())
		}
		p.Release()
		if test.name != "prog" {
			wantStatus(t, get(t, without, "/cgi-bin/"+test.target), test.target+" without the option", 404)
		}
	}
}
