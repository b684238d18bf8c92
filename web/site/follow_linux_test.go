package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A link that leads out is followed if it, and each link behind it, is of the owner
// of what it leads to, and then also in a list and with a path behind it.
func TestFollowLinks(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const alice, mallory = 1234, 4321
	eachKind(t, func(t *testing.T, kind *kind) {
		docroot := enclosed(t)
		base := filepath.Dir(docroot)
		plant(t, base, map[string]string{"alice/f": "of alice", "alice/d/g": "of alice", "mallory/f": "of mallory", "programs/run": "SECRET", "alice/d/alien": canary})
		for _, name := range []string{"alice", "alice/f", "alice/d", "alice/d/g", "programs", "programs/run"} {
			must(t, os.Lchown(filepath.Join(base, name), alice, -1))
		}
		for _, name := range []string{"mallory", "mallory/f", "alice/d/alien"} {
			must(t, os.Lchown(filepath.Join(base, name), mallory, -1))
		}
		must(t, syscall.Mkfifo(base+"/alice/fifo", 0o644))
		must(t, os.Lchown(base+"/alice/fifo", alice, -1))
		for _, l := range []struct {
			owner        int
			name, target string
		}{
			{alice, "file", base + "/alice/f"},
			{alice, "relative", "../alice/f"},
			{alice, "home", base + "/alice"},
			{alice, "home-slash", base + "/alice/"},
			{alice, "chain", "file"},
			{alice, "hop", base + "/alice/hop-2"},
			{alice, "../alice/hop-2", "d/../f"},
			{alice, "back", base + "/alice/home"},
			{alice, "../alice/home", base + "/alice/d"},

			{mallory, "stolen", base + "/alice/f"},
			{mallory, "stolen-dir", base + "/alice"},
			{mallory, "stolen-rel", "../alice/f"},
			{mallory, "stolen-chain", "file"},
			{alice, "via", base + "/mallory/via"},
			{mallory, "../mallory/via", base + "/alice/f"},
			{mallory, "own-via", base + "/mallory/to-etc"},
			{mallory, "../mallory/to-etc", "/etc/passwd"},
			{alice, "not-hers", base + "/mallory/f"},
			{alice, "alien", base + "/alice/d/alien"},
			{alice, "etc", "/etc"},
			{mallory, "../alice/d/planted", base + "/alice/f"},
			{alice, "file-slash", base + "/alice/f/"},
			{alice, "fifo", base + "/alice/fifo"},
			{alice, "loop", base + "/alice/loop"},
			{alice, "../alice/loop", docroot + "/../docroot/loop"},
			{alice, "dangling", base + "/alice/nothing"},
			{alice, "to-programs", base + "/programs"},
			{alice, "to-program", base + "/programs/run"},
			{alice, "../alice/d/to-program", base + "/programs/run"},
		} {
			name := filepath.Join(docroot, l.name)
			link(t, l.target, name)
			must(t, os.Lchown(name, l.owner, -1))
		}
		s, err := newSite(docroot, &Options{FollowLinks: true, Programs: base + "/programs"}, kind)
		must(t, err)
		defer s.Close()
		for _, path := range []string{"/file", "/relative", "/home/f", "/home-slash/f", "/home/d/g", "/chain", "/hop", "/back/g", "/home/home/g"} {
			if p := get(t, s, path); p.Status != 200 || content(t, p) != "of alice" {
				t.Errorf("%s: %d (%s)", path, p.Status, p.Why)
			}
		}
		if p := get(t, s, "/home/?format=text"); !strings.Contains(content(t, p), "d/\nf\n") {
			t.Errorf("the list: %d %q", p.Status, content(t, p))
		}
		if got := content(t, get(t, s, "/?format=text")); !strings.Contains(got, "\nfile\n") || strings.Contains(got, "stolen") || strings.Contains(got, "program") {
			t.Errorf("the list: %q", got)
		}
		for _, path := range []string{
			"/stolen", "/stolen-dir", "/stolen-dir/f", "/stolen-rel", "/stolen-chain", "/via", "/own-via", "/not-hers", "/alien", "/etc/passwd", "/home/d/planted",
			"/file-slash", "/file/x", "/fifo", "/loop", "/dangling", "/to-programs", "/to-programs/", "/to-programs/run", "/to-program", "/home/d/to-program",
		} {
			wantStatus(t, get(t, s, path), path, 404)
		}
		if p := get(t, s, "/stolen"); p.Why != errNotOwner.Error() {
			t.Errorf("why: %q", p.Why)
		}
		without, err := newSite(docroot, nil, kind)
		must(t, err)
		defer without.Close()
		for _, path := range []string{"/file", "/relative", "/home/f"} {
			wantStatus(t, get(t, without, path), path, 404)
		}
	})
}

// Whatever is replaced on the way, no link of another's leads to a file.
func TestFollowLinksRace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const alice, mallory = 1234, 4321
	eachKind(t, func(t *testing.T, kind *kind) {
		docroot := enclosed(t)
		base := filepath.Dir(docroot)
		plant(t, base, map[string]string{"m/f": "of mallory", "m/d/e/f": "of mallory", "a/f": canary, "f": canary, "programs/f": canary, "docroot/in/deep/x": ""})
		for _, name := range []string{"m", "m/f", "m/d", "m/d/e", "m/d/e/f", "programs", "programs/f", "docroot/in", "docroot/in/deep"} {
			must(t, os.Lchown(filepath.Join(base, name), mallory, -1))
		}
		for _, name := range []string{"a", "a/f", "f"} {
			must(t, os.Lchown(filepath.Join(base, name), alice, -1))
		}
		link(t, "../../m/f", docroot+"/in/up") // ".." is elsewhere while the directory is moved
		must(t, os.Lchown(docroot+"/in/up", mallory, -1))
		link(t, "../f", docroot+"/in/deep/up")
		must(t, os.Lchown(docroot+"/in/deep/up", mallory, -1))
		s, err := newSite(docroot, &Options{FollowLinks: true, Programs: base + "/programs"}, kind)
		must(t, err)
		defer s.Close()
		var stop atomic.Bool
		var running sync.WaitGroup
		running.Go(func() {
			targets := []string{base + "/m/f", base + "/a/f", "../a/f", base + "/m/l", "/etc/passwd", base + "/programs/f"}
			for i := 0; !stop.Load(); i++ {
				next := base + "/m/next"
				os.Remove(next)
				os.Symlink(targets[i%len(targets)], next)
				os.Lchown(next, mallory, -1)
				os.Rename(next, []string{docroot + "/l", base + "/m/l"}[i/len(targets)%2])
			}
		})
		running.Go(func() {
			for !stop.Load() {
				os.Rename(docroot+"/in/deep", base+"/deep")
				os.Rename(base+"/deep", docroot+"/in/deep")
				os.Rename(base+"/m/f", base+"/m/kept")
				os.Rename(base+"/a/f", base+"/m/f") // a file of another's under the name
				os.Rename(base+"/m/f", base+"/a/f")
				os.Rename(base+"/m/kept", base+"/m/f")
			}
		})
		found := 0
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			for _, path := range []string{"/l", "/in/up", "/in/deep/up"} {
				p := s.Answer(request("GET", path))
				switch text := string(p.Body); {
				case strings.Contains(text, "CANARY") || strings.Contains(text, "root:"):
					t.Errorf("%s: %d %.20q", path, p.Status, text)
				case p.Status == 200:
					found++
				}
				p.Release()
			}
		}
		stop.Store(true)
		running.Wait()
		if found == 0 {
			t.Error("nothing was ever found")
		}
		t.Log(fmt.Sprint(found, " times found"))
	})
}
