package site

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// A deployment is a site whose programs lie in its documents, and a clock for it.
type deployment struct {
	*Site
	t    *testing.T
	base string
	late time.Duration // the clock's lead
}

// deployed makes a deployment: base/docs are the documents, and programs, a path
// beneath base, holds a program that is called run.
func deployed(t *testing.T, kind *kind, programs string) *deployment {
	t.Helper()
	base := t.TempDir()
	plant(t, base, map[string]string{"docs/doc.txt": "doc", "docs/releases/1/run": source, "docs/releases/2/run": source, "docs/apps/": ""})
	must(t, os.Remove(base+"/docs/apps"))
	for _, release := range []string{"1", "2"} {
		must(t, os.Chmod(base+"/docs/releases/"+release+"/run", 0o755))
	}
	switch programs {
	case "docs/apps":
		must(t, os.Rename(base+"/docs/releases/1", base+"/docs/apps"))
		must(t, os.RemoveAll(base+"/docs/releases"))
	case "docs/link":
		link(t, "releases/1", base+"/docs/link")
	case "beside":
		must(t, os.Rename(base+"/docs/releases/1", base+"/beside"))
	}
	return serve(t, kind, base, base+"/"+programs)
}

// serve has the documents in base/docs served, and programs run.
func serve(t *testing.T, kind *kind, base, programs string) *deployment {
	t.Helper()
	s, err := newSite(base+"/docs", &Options{Programs: programs}, kind)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	d := &deployment{Site: s, t: t, base: base}
	s.now = func() time.Time { return time.Now().Add(d.late) }
	return d
}

// sh has the shell do things in the document root, and then looks for the source
// of programs everywhere.
func (d *deployment) sh(commands ...string) {
	d.t.Helper()
	for _, command := range commands {
		shell(d.t, d.base+"/docs", command)
		d.wantClosed(command)
	}
}

// wantClosed asks for everything in the document root, and for the lists. What
// is called n is a copy that never was the programs' directory.
func (d *deployment) wantClosed(when string) {
	d.t.Helper()
	targets := []string{"/apps/run", "/apps/", "/APPS/run", "/o/run", "/o/", "/link/run", "/releases/1/run"}
	must(d.t, filepath.WalkDir(d.base+"/docs", func(path string, e os.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, "/docs/n") && e.IsDir() {
			return filepath.SkipDir
		}
		targets = append(targets, strings.TrimPrefix(path, d.base+"/docs")+"/", strings.TrimPrefix(path, d.base+"/docs"))
		return nil
	}))
	for _, target := range targets {
		for range 2 { // from memory as well
			p := d.Answer(request("GET", target))
			if text := content(d.t, p); strings.Contains(text, "SECRET") {
				d.t.Errorf("%s: %s: %d %q", when, target, p.Status, text)
			}
			p.Release()
		}
		if st, err := d.root.cached(strings.Trim(target, "/")); err == nil && st.IsRegular() && !strings.HasPrefix(target, "/doc.txt") {
			d.t.Errorf("%s: the look at %s finds %+v", when, target, st)
		}
	}
	for _, target := range []string{"/?format=text", "/releases/?format=text"} {
		p := d.Answer(request("GET", target))
		list := strings.Fields(content(d.t, p))
		for _, hidden := range []string{"apps/", "apps", "o/", "link/", "1/", "again/", "tools/"} {
			if slices.Contains(list, hidden) {
				d.t.Errorf("%s: %s shows %q", when, target, list)
			}
		}
		p.Release()
	}
}

// wantRuns fails unless the program that is asked for is the one at the path.
func (d *deployment) wantRuns(path string) {
	d.t.Helper()
	p := ask(d.t, d.Site, "GET", "/cgi-bin/run")
	if p.Program == nil {
		d.t.Errorf("/cgi-bin/run: %d", p.Status)
		return
	}
	got, errno := sys.Fstat(p.Program.Dir.Number())
	if errno != 0 {
		d.t.Fatal(errno)
	}
	if want, errno := sys.IdentityOf(d.base + "/" + path); errno != 0 || got.Identity() != want {
		d.t.Errorf("/cgi-bin/run is that of %v, want %v (%v)", got.Identity(), want, errno)
	}
}

// Programs are replaced by a rename, by a link, by deleting them and putting new
// ones there, in any order: new ones run at once, and the source of none is a
// document at any moment, nor is their directory in a list.
func TestDeploy(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		t.Run("rename", func(t *testing.T) {
			d := deployed(t, kind, "docs/apps")
			d.wantClosed("at first")
			d.wantRuns("docs/apps")
			for range 3 {
				d.sh("cp -a apps n", "mv apps o")
				d.wantRuns("docs/o")
				d.sh("mv n apps")
				d.wantRuns("docs/apps")
				d.sh("rm -rf o")
				d.wantRuns("docs/apps")
			}
		})
		t.Run("rename without a request between", func(t *testing.T) {
			d := deployed(t, kind, "docs/apps")
			d.sh("cp -a apps n; mv apps o; mv n apps; rm -rf o")
			d.wantRuns("docs/apps")
			d.sh("cp -a apps n; mv apps o; mv n apps")
			d.wantRuns("docs/apps")
		})
		t.Run("back to an older one", func(t *testing.T) {
			d := deployed(t, kind, "docs/apps")
			d.sh("cp -a apps n", "mv apps o", "mv n apps", "mv apps again", "mv o apps")
			d.wantRuns("docs/apps")
			d.sh("mv apps o", "mv again apps")
			d.wantRuns("docs/apps")
		})
		t.Run("exchanged for other documents", func(t *testing.T) {
			d := deployed(t, kind, "docs/apps")
			d.sh("mkdir other", "mv apps other/", "mv other/apps o", "rm -rf other")
			d.sh("echo '"+source+"' >apps", "rm apps")
			d.wantRuns("docs/o")
			d.sh("mkdir apps", "echo '"+source+"' >apps/run", "chmod +x apps/run")
			d.wantRuns("docs/apps")
			d.sh("rm -rf apps", "mkfifo apps", "rm apps")
		})
		t.Run("link", func(t *testing.T) {
			d := deployed(t, kind, "docs/link")
			shell(t, d.base+"/docs", "mv releases/2 ..")
			d.sh("ln -s link again")
			d.wantRuns("docs/releases/1")
			d.sh("mv ../2 releases/; ln -s releases/2 l; mv -T l link")
			d.wantRuns("docs/releases/2")
			d.sh("ln -s releases/1 l; mv -T l link")
			d.wantRuns("docs/releases/1")
			d.sh("rm link")
			d.wantRuns("docs/releases/1")
			d.sh("ln -s releases/nothing link", "rm link; ln -s link link", "rm link; ln -s releases/2 link")
			d.wantRuns("docs/releases/2")
		})
		t.Run("from outside", func(t *testing.T) {
			d := deployed(t, kind, "beside")
			shell(t, d.base, "rm -rf docs/releases; cp -a beside n; mv beside docs/o; mv n beside")
			d.wantClosed("after a move into the documents")
			d.wantRuns("beside")
		})
		t.Run("moved in while it is asked for", func(t *testing.T) {
			d := deployed(t, kind, "docs/apps")
			shell(t, d.base+"/docs", "mkdir tools; printf 'SECRET' >tools/script; touch -d 2020-01-01 tools/script")
			d.late = time.Hour
			p := ask(t, d.Site, "GET", "/tools/script")
			if again := get(t, d.Site, "/tools/script"); content(t, again) != "SECRET" {
				t.Fatalf("a document: %d", again.Status)
			}
			if got := p.Unchanged(); got == web.Changed {
				t.Fatalf("a document is kept: %v", got)
			}
			shell(t, d.base+"/docs", "mv tools apps/; ln -s apps/tools tools")
			if got := p.Unchanged(); got == web.Same {
				t.Error("what programs own by now is the same document still")
			}
			d.wantClosed("after the move")
			if _, _, err := d.root.openCached("tools/script"); err != syscall.ENOENT && err != syscall.EAGAIN {
				t.Errorf("openCached: %v", err)
			}
		})
	})
}

func shell(t *testing.T, dir, command string) {
	t.Helper()
	c := exec.Command("sh", "-ec", command)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// Every way to look at a file or to open it keeps the programs apart.
func TestApartInEachWay(t *testing.T) {
	d := deployed(t, bestKind(), "docs/apps")
	ways := map[string]func(name string) error{
		"open": func(name string) error {
			fd, _, err := d.root.open(name)
			if err == nil {
				fd.Close()
			}
			return err
		},
		"openCached": func(name string) error {
			fd, _, err := d.root.openCached(name)
			if err == nil {
				fd.Close()
			}
			return err
		},
		"stat":   func(name string) error { _, err := d.root.stat(name); return err },
		"cached": func(name string) error { _, err := d.root.cached(name); return err },
	}
	link(t, "apps", d.base+"/docs/link")
	for name, want := range map[string]error{"apps": syscall.ENOENT, "apps/run": syscall.ENOENT, "link/run": syscall.ENOENT, "doc.txt": nil, "": nil} {
		for way, open := range ways {
			err := open(name)
			if err == syscall.EAGAIN && (way == "cached" || way == "openCached") {
				if !knowsCached(t, d.base) {
					continue
				}
				// The kernel may need a moment to have the way to it in memory.
				for start := time.Now(); err == syscall.EAGAIN && time.Since(start) < 10*time.Second; {
					ways["stat"](name)
					err = open(name)
				}
			}
			if err != want {
				t.Errorf("%s %q: %v, want %v", way, name, err, want)
			}
		}
	}
}

// Without a /proc paths are not told, and each directory up to the root is
// compared.
func TestApartWithoutPaths(t *testing.T) {
	d := deployed(t, bestKind(), "docs/apps")
	d.apart.noPaths = true
	d.wantClosed("without paths")
	d.sh("cp -a apps n", "mv apps o", "mv n apps", "rm -rf o")
	d.wantRuns("docs/apps")
	if p := get(t, d.Site, "/doc.txt"); p.Status != 200 {
		t.Errorf("a document: %d", p.Status)
	}
}

// Deploys come as fast as they can while many ask. Nobody ever gets a program's
// source, and programs answer at every moment.
func TestDeployRace(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		for _, test := range []struct {
			name, programs string
			deploy         func(docs string, i int) error
		}{
			{"rename", "docs/apps", func(docs string, i int) error {
				next := fmt.Sprintf("%s/../next%d", docs, i)
				old := fmt.Sprintf("%s/o%d", docs, i%5)
				must(t, os.Mkdir(next, 0o755))
				must(t, os.WriteFile(next+"/run", []byte(source), 0o755))
				must(t, os.RemoveAll(old))
				must(t, os.Rename(docs+"/apps", old))
				return os.Rename(next, docs+"/apps")
			}},
			{"link", "docs/link", func(docs string, i int) error {
				must(t, os.Symlink(fmt.Sprintf("releases/%d", 1+i%2), docs+"/next"))
				return os.Rename(docs+"/next", docs+"/link")
			}},
			{"within", "docs/apps", func(docs string, i int) error {
				must(t, os.MkdirAll(docs+"/apps/a/b", 0o755))
				must(t, os.Rename(docs+"/apps/a/b", docs+"/apps/b"))
				if i == 0 {
					must(t, os.WriteFile(docs+"/apps/b/deep", []byte(source), 0o755))
					must(t, os.Symlink("apps/b", docs+"/b"))
					must(t, os.Symlink("apps/a/b", docs+"/ab"))
				}
				return os.Rename(docs+"/apps/b", docs+"/apps/a/b")
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				d := deployed(t, kind, test.programs)
				docs := d.base + "/docs"
				var answered, ran atomic.Int64
				least := 500 * time.Millisecond
				if testing.Short() {
					least = 100 * time.Millisecond
				}
				goesOn := race(least, &answered, &ran)
				var running sync.WaitGroup
				deploys := 0
				running.Go(func() {
					for ; goesOn(); deploys++ {
						must(t, test.deploy(docs, deploys))
						d.root.stat("apps") // each is seen by somebody
					}
				})
				targets := []string{"/apps/run", "/apps/", "/link/run", "/o0/run", "/o1/run", "/o4/", "/b/deep", "/ab/deep", "/apps/b/deep", "/cgi-bin/run", "/?format=text"}
				for range 6 {
					running.Go(func() {
						for i := 0; goesOn(); i++ {
							target := targets[i%len(targets)]
							p := d.Answer(request("GET", target))
							text := ""
							if p.Program == nil && p.File == nil && p.Stream == nil {
								text = string(p.Body)
							}
							switch {
							case strings.Contains(text, "SECRET"):
								t.Errorf("%s: %d, the source", target, p.Status)
							case p.Program != nil:
								ran.Add(1)
							case target == "/cgi-bin/run":
								t.Errorf("%s: %d", target, p.Status)
							case p.Status == 404 || p.Status == 503:
								answered.Add(1)
							case target != "/?format=text" && p.Status != 301:
								t.Errorf("%s: %d", target, p.Status)
							case strings.Contains(text, "apps") || strings.Contains(text, "link"):
								t.Errorf("the list: %q", text)
							}
							p.Release()
							d.root.cached("apps/run")
							if st, err := d.root.cached(strings.TrimPrefix(target, "/")); err == nil && st.IsRegular() {
								t.Errorf("a look finds %s", target)
							}
						}
					})
				}
				running.Wait()
				t.Logf("%d deploys: %d answers, %d programs", deploys, answered.Load(), ran.Load())
			})
		}
	})
}

// The document root follows its name as well: within a second by itself, and at
// once when it is told to. While the name leads nowhere it stays.
func TestRootFollows(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		base := t.TempDir()
		plant(t, base, map[string]string{"docs/a.txt": "first", "next/a.txt": "second", "third/a.txt": "third"})
		d := serve(t, kind, base, "")
		want := func(when, text string) {
			t.Helper()
			if got := content(t, get(t, d.Site, "/a.txt")); got != text {
				t.Errorf("%s: %q, want %q", when, got, text)
			}
		}
		want("at first", "first")
		p := get(t, d.Site, "/a.txt")
		shell(t, base, "mv docs old")
		d.late += time.Second
		want("without a root", "first")
		if err := d.Reopen(); err == nil || !strings.HasSuffix(err.Error(), "/docs: open: no such file or directory; the directory of before stays") {
			t.Errorf("Reopen: %v", err)
		}
		want("without a root", "first")
		shell(t, base, "mv next docs; rm -r old")
		d.late += lookEvery
		want("after a rename", "second")
		if got := p.Unchanged(); got != web.Changed {
			t.Errorf("the document of the root before: %v", got)
		}
		shell(t, base, "rm -r docs; ln -s third docs")
		must(t, d.Reopen())
		want("after Reopen", "third")
		must(t, d.Reopen())
		shell(t, base, "rm docs; mkfifo docs")
		d.late += time.Second
		want("with a FIFO in its place", "third")
		if got := 500*time.Millisecond + lookEvery; got > time.Second {
			t.Errorf("a new root is seen after %v", got)
		}
	})
}

// What is found in a root that has just been replaced is still used, and closed
// when nobody does any more (TestMain counts).
func TestRootFollowsRace(t *testing.T) {
	eachKind(t, func(t *testing.T, kind *kind) {
		base := t.TempDir()
		plant(t, base, map[string]string{"1/a.txt": "one", "2/a.txt": "two"})
		link(t, "1", base+"/docs")
		d := serve(t, kind, base, "")
		d.docs.every = 0
		var ones, twos atomic.Int64
		goesOn := race(100*time.Millisecond, &ones, &twos)
		var running sync.WaitGroup
		running.Go(func() {
			for i := 0; goesOn(); i++ {
				must(t, os.Symlink(fmt.Sprint(1+i%2), base+"/next"))
				must(t, os.Rename(base+"/next", base+"/docs"))
			}
		})
		for range 6 {
			running.Go(func() {
				for goesOn() {
					p := d.Answer(request("GET", "/a.txt"))
					switch got := string(p.Body); {
					case p.Status == 200 && got == "one":
						ones.Add(1)
					case p.Status == 200 && got == "two":
						twos.Add(1)
					default:
						t.Errorf("%d %q", p.Status, got)
					}
					p.Release()
					d.root.cached("a.txt")
				}
			})
		}
		running.Wait()
	})
}

// Directories that were the programs' are remembered for as long as they exist,
// up to a bound.
func TestRemembered(t *testing.T) {
	d := deployed(t, bestKind(), "docs/apps")
	var complaints []string
	d.apart.errorf = func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	for i := range maxRemembered + 2 {
		shell(t, d.base+"/docs", fmt.Sprintf("cp -a apps ../n; mv apps o%d; mv ../n apps", i))
		d.wantRuns("docs/apps")
		if n := len(d.apart.closed.Load().held); n > maxRemembered {
			t.Fatalf("%d are remembered", n)
		}
	}
	if len(complaints) != 3 || !strings.Contains(complaints[0], "delete old ones") {
		t.Errorf("complaints: %q", complaints)
	}
	shell(t, d.base+"/docs", "rm -rf o*")
	shell(t, d.base+"/docs", "cp -a apps n; mv apps o; mv n apps")
	d.wantRuns("docs/apps")
	if n := len(d.apart.closed.Load().held); n != 2 {
		t.Errorf("%d are remembered when one is left", n)
	}
}
