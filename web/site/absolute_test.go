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

// Links with absolute targets beneath the root are followed, wherever they are on
// the way, and no others are.
func TestAbsoluteLinks(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		docroot := enclosed(t)
		base := filepath.Dir(docroot)
		plant(t, docroot, map[string]string{"programs/run": "SECRET", ".hidden/x": "x"})
		must(t, os.Chmod(docroot+"/programs/run", 0o755))
		link(t, "docroot", base+"/current")
		root := base + "/current"
		for name, target := range map[string]string{
			"file":             root + "/hello.txt",
			"by-real-path":     docroot + "/hello.txt",
			"spelled":          "//" + strings.ReplaceAll(root, "/", "/./") + "//./hello.txt",
			"with-dots":        root + "/dir/../hello.txt",
			"top":              root,
			"top-slash":        root + "/",
			"to-dir":           root + "/dir",
			"to-dir-slash":     root + "/dir/",
			"chain":            root + "/chain-2",
			"chain-2":          "dir/sub/chain-3",
			"dir/sub/chain-3":  root + "/to-dir/chain-4",
			"dir/chain-4":      "../file",
			"relative-to-it":   "to-dir",
			"file-slash":       root + "/hello.txt/",
			"file-dot":         root + "/hello.txt/.",
			"loop":             root + "/loop",
			"loop-2":           root + "/loop-2/loop-2",
			"out":              base + "/canary.txt",
			"out-by-dots":      root + "/../canary.txt",
			"out-by-more-dots": root + "/dir/../../canary.txt",
			"out-and-in":       root + "/../docroot/hello.txt",
			"like-the-root":    docroot + "-evil/canary.txt",
			"chain-out":        root + "/out",
			"chain-out-rel":    root + "/dir/rel-out",
			"dir/rel-out":      "../../canary.txt",
			"outer":            base,
			"slash":            "/",
			"proc":             "/proc/self/root",
			"proc-root":        "/proc/self/root" + root + "/hello.txt",
			"dangling":         root + "/nothing",
			"to-programs":      root + "/programs",
			"to-program":       docroot + "/programs/run",
		} {
			link(t, target, filepath.Join(docroot, name))
		}
		s, err := newSite(root, &Options{Programs: docroot + "/programs"}, kind)
		must(t, err)
		defer s.Close()
		plain, err := newSite(root, nil, kind)
		must(t, err)
		defer plain.Close()
		for _, s := range []*Site{s, plain} {
			for _, path := range []string{
				"/file", "/by-real-path", "/spelled", "/with-dots", "/top/hello.txt", "/top/top/file", "/top-slash/hello.txt", "/to-dir/chain-4",
				"/to-dir/../file", "/to-dir-slash/chain-4", "/chain", "/relative-to-it/chain-4", "/dir/sub/chain-3",
			} {
				p := get(t, s, path)
				if got := content(t, p); p.Status != 200 || got != "Hello, world\n" {
					t.Errorf("%s: %d %.40q, want the file", path, p.Status, got)
				}
			}
			for _, path := range []string{"/to-dir", "/to-dir-slash", "/relative-to-it", "/top"} {
				if p := get(t, s, path); p.Status != 301 {
					t.Errorf("%s: %d, want 301", path, p.Status)
				}
			}
			for _, path := range []string{
				"/file-slash", "/file-dot", "/file/", "/loop", "/loop-2", "/out", "/out-by-dots", "/out-by-more-dots", "/out-and-in", "/like-the-root", "/chain-out",
				"/chain-out-rel", "/outer", "/outer/canary.txt", "/slash/", "/slash/etc/passwd", "/proc/etc/passwd", "/proc-root", "/dangling",
			} {
				wantStatus(t, get(t, s, path), path, 404)
			}
		}
		link(t, docroot+"/programs/run", docroot+"/programs/absolute") // of programs, only relative links are followed
		wantStatus(t, get(t, s, "/cgi-bin/absolute"), "/cgi-bin/absolute", 404)
		for _, path := range []string{"/to-programs", "/to-programs/", "/to-programs/run", "/to-program", "/top/programs/run", "/top/to-program"} {
			wantStatus(t, get(t, s, path), path, 404)
		}
		list := content(t, get(t, s, "/?format=json"))
		if strings.Contains(list, base) || !strings.Contains(list, `"name":"file","type":"file","size":13`) || strings.Contains(list, `"out`) || strings.Contains(list, `"to-program`) {
			t.Errorf("the list: %s", list)
		}
		if got := get(t, plain, "/out").Why; !strings.Contains(got, "symbolic link leads out of what is served") {
			t.Errorf("why: %q", got)
		}
	})
}

// The loop's look finds what absolute links lead to without waiting, once their
// texts are known, and sees that they have been replaced.
func TestAbsoluteLinksCached(t *testing.T) {
	docroot := enclosed(t)
	link(t, docroot+"/hello.txt", docroot+"/file")
	s, err := newSite(docroot, nil, bestKind())
	must(t, err)
	defer s.Close()
	aged(s)
	if _, err := s.root.cached("file"); err != syscall.EAGAIN && err != syscall.EINVAL {
		t.Fatalf("before: %v, want EAGAIN", err)
	}
	want, err := s.root.stat("file")
	must(t, err)
	st, err := s.root.cached("file")
	if err == syscall.EINVAL {
		t.Skip("this kernel has no RESOLVE_CACHED")
	}
	if must(t, err); st.Identity() != want.Identity() {
		t.Fatal("another file is found")
	}
	link(t, filepath.Dir(docroot)+"/canary.txt", docroot+"/next")
	must(t, os.Rename(docroot+"/next", docroot+"/file"))
	if _, err := s.root.cached("file"); err != syscall.EAGAIN {
		t.Errorf("a new link: %v, want EAGAIN", err)
	}
	if _, err := s.root.stat("file"); err != syscall.EXDEV {
		t.Errorf("a new link: %v, want EXDEV", err)
	}
	if _, err := s.root.cached("file"); err != syscall.EXDEV {
		t.Errorf("a known link out: %v, want EXDEV", err)
	}
	for i := range maxTexts + 10 {
		link(t, docroot+"/hello.txt", fmt.Sprintf("%s/dir/%d", docroot, i))
		s.root.stat(fmt.Sprintf("dir/%d", i))
	}
	if n := len(s.root.texts.known); n == 0 || n > maxTexts {
		t.Errorf("%d texts are remembered", n)
	}
}

// Whoever replaces links and directories on the way, at whatever moment, nothing
// outside is found, nor what is kept apart.
func TestAbsoluteLinksRace(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		docroot := enclosed(t)
		base := filepath.Dir(docroot)
		plant(t, base, map[string]string{"docroot/a/b/f": "inside", "docroot/p/f": canary, "evil/b/f": canary, "evil/f": canary})
		s, err := newSite(docroot, &Options{Programs: docroot + "/p"}, kind)
		must(t, err)
		defer s.Close()
		aged(s)
		var stop atomic.Bool
		var running sync.WaitGroup
		replace := func(name string, targets ...string) {
			link(t, targets[0], docroot+"/"+name)
			running.Go(func() {
				for i := 0; !stop.Load(); i++ {
					next := fmt.Sprintf("%s/.next-%s", base, strings.ReplaceAll(name, "/", "-"))
					os.Remove(next)
					if err := os.Symlink(targets[i%len(targets)], next); err == nil {
						os.Rename(next, docroot+"/"+name)
					}
				}
			})
		}
		replace("l", docroot+"/a/b", base+"/evil/b", docroot+"/p", docroot+"/m", "../evil", docroot+"/../evil")
		replace("m", docroot+"/a/b", docroot+"/l", "/", base+"/evil", "p")
		running.Go(func() { // a directory on the way and a link out take turns
			for !stop.Load() {
				os.Rename(docroot+"/a", base+"/kept")
				os.Symlink(base+"/evil", docroot+"/a")
				os.Remove(docroot + "/a")
				os.Rename(base+"/kept", docroot+"/a")
			}
		})
		found := 0
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			for _, path := range []string{"/l/f", "/m/f", "/a/b/f"} {
				p := s.Answer(request("GET", path))
				switch {
				case strings.Contains(string(p.Body), "CANARY"):
					t.Errorf("%s: %d, the canary", path, p.Status)
				case p.Status == 200:
					found++
				}
				p.Release()
				if fd, _, err := s.root.openCached(path[1:]); err == nil {
					b := make([]byte, len(canary))
					if n, _ := syscall.Pread(fd.Number(), b, 0); strings.Contains(string(b[:n]), "CANARY") {
						t.Errorf("%s: the cached look finds the canary", path)
					}
					fd.Close()
				}
			}
		}
		stop.Store(true)
		running.Wait()
		if found == 0 {
			t.Error("nothing was ever found")
		}
		t.Logf("%d times found", found)
	})
}

func FuzzBeneathPath(f *testing.F) {
	for _, target := range []string{"/srv/docs", "/srv/docs/", "/srv/docs/a/..", "/srv/docsx", "//srv/./docs//x", "/", "/srv/../srv/docs/x", "/."} {
		f.Add("/srv/docs", target)
		f.Add("/", target)
	}
	f.Fuzz(func(t *testing.T, dir, target string) {
		if !strings.HasPrefix(target, "/") || strings.ContainsRune(dir+target, 0) || filepath.Clean(dir) != dir {
			t.Skip()
		}
		rest, ok := beneathPath(dir, target)
		if !ok {
			return
		}
		if rest == "" || rest[0] == '/' || filepath.Clean(dir+"/"+rest) != filepath.Clean(target) {
			t.Errorf("%q in %q: %q", target, dir, rest)
		}
	})
}
