package site

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
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

// homes is a user database.
type homes map[string]string

func (h homes) find(name string) (string, error) { return h[name], nil }

// populated returns a site in whose base directory users live, by the names of
// their homes.
func populated(t testing.TB, open func(string) *Site, base string, h homes) *Site {
	t.Helper()
	plant(t, base, map[string]string{"root/hello.txt": "Hello, world\n"})
	for name, home := range h {
		if home != "" && home[0] != '/' {
			h[name] = base + "/" + home
		}
	}
	s := open(base + "/root")
	s.users = newUsers(&Options{Users: true, Home: h.find})
	return s
}

func TestUsers(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{
			"home/alice/secret.txt":        canary,
			"home/alice/sws/index.html":    "ALICE\n",
			"home/alice/sws/a.txt":         "A\n",
			"home/alice/sws/sub/b.txt":     "B\n",
			"home/alice/sws/.hidden":       "HIDDEN\n",
			"home/alice/sws/~bob/c.txt":    "C\n",
			"home/bob/public/www/b.txt":    "BOB\n",
			"home/bob/public/secret.txt":   canary,
			"export/carol/sws/c.txt":       "CAROL\n",
			"root/~alice/a.txt":            "never\n",
			"root/~file":                   "never\n",
			"root/dir/~file":               "TILDE\n",
			"home/dave@dom.example/sws/d":  "DAVE\n",
			"home/1000/sws/d":              "NUMBER\n",
			"home/\u00fcnal/sws/index.htm": "U\n",
		})
		link(t, "public/www", base+"/home/bob/sws")
		link(t, base+"/export/carol", base+"/home/carol")
		s := populated(t, open, base, homes{
			"alice": "home/alice", "bob": "home/bob", "carol": "home/carol", "dave@dom.example": "home/dave@dom.example",
			"1000": "home/1000", "\u00fcnal": "home/\u00fcnal",
		})
		for _, test := range []struct {
			target string
			status int
			want   string // content of 200, Location of 301
		}{
			{"/~alice/", 200, "ALICE\n"},
			{"/~alice/a.txt", 200, "A\n"},
			{"/~alice/sub/b.txt", 200, "B\n"},
			{"/%7Ealice/a.txt", 200, "A\n"},
			{"/~%61lice/a.txt", 200, "A\n"},
			{"//~alice//a.txt", 200, "A\n"},
			{"/dir/../~alice/./sub/../a.txt", 200, "A\n"},
			{"/~alice/~bob/c.txt", 200, "C\n"},
			{"/~alice/../hello.txt", 200, "Hello, world\n"},
			{"/~nobody/../hello.txt", 200, "Hello, world\n"},
			{"/~bob/b.txt", 200, "BOB\n"},
			{"/~carol/c.txt", 200, "CAROL\n"},
			{"/~dave@dom.example/d", 200, "DAVE\n"},
			{"/~1000/d", 200, "NUMBER\n"},
			{"/~%C3%BCnal/index.htm", 200, "U\n"},
			{"/hello.txt", 200, "Hello, world\n"},
			{"/dir/~file", 200, "TILDE\n"},

			{"/~alice", 301, "~alice/"},
			{"/~alice?a=b", 301, "./~alice/?a=b"},
			{"/%7ealice", 301, "~alice/"},
			{"/~alice/sub", 301, "sub/"},
			{"/~alice/~bob", 301, "~bob/"},

			{"/~alice/nope", 404, ""},
			{"/~alice/.hidden", 404, ""},
			{"/~alice/..%2fsecret.txt", 404, ""},
			{"/~alice%2fa.txt", 404, ""},
			{"/~alice/../~alice/../secret.txt", 404, ""},
			{"/~alice/../../secret.txt", 400, ""},
			{"/~file", 404, ""},
			{"/~alic/a.txt", 404, ""},
			{"/~alice:x/a.txt", 404, ""},
			{"/~ALICE/a.txt", 404, ""},
			{"/~/alice/a.txt", 404, ""},
			{"/~bob/public/www/b.txt", 404, ""},
			{"/~home/alice/sws/a.txt", 404, ""},
		} {
			p := get(t, s, test.target)
			got := content(t, p)
			if p.Status == 301 {
				got = field(t, p, "Location")
			}
			if p.Status != test.status || test.want != "" && got != test.want || strings.Contains(got, canary) {
				t.Errorf("%s: %d %q, want %d %q", test.target, p.Status, got, test.status, test.want)
			}
		}
		page := content(t, get(t, s, "/~alice/sub/"))
		checkPage(t, page)
		if !strings.Contains(page, "<title>Index of /~alice/sub/</title>") || !strings.Contains(page, `<a href="../">~alice</a>`) {
			t.Errorf("the list of a user's directory:\n%s", page)
		}
		if got, want := names(listed(t, content(t, get(t, s, "/")))), []string{"dir/", "hello.txt"}; !slices.Equal(got, want) {
			t.Errorf("the root's list is %q, want %q: the rest cannot be got", got, want)
		}
		if got, want := names(listed(t, content(t, get(t, s, "/dir/")))), []string{"~file"}; !slices.Equal(got, want) {
			t.Errorf("the list of a directory is %q, want %q", got, want)
		}

		s.users = nil
		for target, want := range map[string]int{"/~alice/a.txt": 200, "/~file": 200, "/~alice/sub/b.txt": 404, "/~bob": 404} {
			if p := get(t, s, target); p.Status != want {
				t.Errorf("without users %s: %d, want %d", target, p.Status, want)
			}
		}
		if got, want := names(listed(t, content(t, get(t, s, "/")))), []string{"dir/", "hello.txt", "~alice/", "~file"}; !slices.Equal(got, want) {
			t.Errorf("without users the root's list is %q, want %q", got, want)
		}
	})
}

// Of those who serve nothing a client learns nothing: not whether there is such a
// user, nor why there is nothing, by no word and by no work.
func TestUsersAlike(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{
			"bare/file": "", "file": canary, "a-file/sws": canary, "outer/sws-of/index.html": canary, "up/x": "", "sws/index.html": canary,
			"out/x": "", "out-by-abs/x": "", "dangling/x": "", "loop/x": "", "magic/x": "", "fifo/x": "", "closed-home/sws/index.html": canary, "closed/sws/index.html": canary,
		})
		link(t, "../outer/sws-of", base+"/out/sws")
		link(t, base+"/outer/sws-of", base+"/out-by-abs/sws")
		link(t, "..", base+"/up/sws")
		link(t, "nothing", base+"/dangling/sws")
		link(t, "sws", base+"/loop/sws")
		link(t, "/proc/self/cwd", base+"/magic/sws")
		link(t, "home-loop", base+"/home-loop")
		must(t, syscall.Mkfifo(base+"/fifo/sws", 0o644))
		must(t, syscall.Mkfifo(base+"/home-fifo", 0o644))
		h := homes{
			"bare": "bare", "file": "file", "a-file": "a-file", "out": "out", "out-by-abs": "out-by-abs", "up": "up", "dangling": "dangling", "loop": "loop",
			"magic": "magic", "fifo": "fifo", "home-fifo": "home-fifo", "home-loop": "home-loop", "nonexistent": "/nonexistent", "slash": "/", "slashes": "//", "slash-dot": "/.",
			"slash-up": "/usr/..", "gone": "gone", "null": "/dev/null",
			".": base, "..": base, ".hidden": base, "-": base, "+": base, "a:b": base, "a b": base, "a\nb": base,
		}
		if syscall.Geteuid() != 0 {
			must(t, os.Chmod(base+"/closed-home", 0))
			must(t, os.Chmod(base+"/closed/sws", 0))
			t.Cleanup(func() { os.Chmod(base+"/closed-home", 0o755); os.Chmod(base+"/closed/sws", 0o755) })
			h["closed-home"], h["closed"] = "closed-home", "closed"
		}
		s := populated(t, open, base, h)
		h["relative"], h["dot"], h["empty"] = "bare", ".", ""
		opened := 0 // the work of finding a user's directory
		kind := *s.kind
		s.kind = &kind
		beneath := kind.beneath
		kind.beneath = func(home, dir string, wait bool) (tree, error) {
			opened++
			return beneath(home, dir, wait)
		}
		for _, tail := range []string{"", "?a=b", "/", "/index.html", "/sub/", "/file", "/sws/", "/.hidden"} {
			p := get(t, s, "/~unknown"+tail)
			opened = 0
			get(t, s, "/~unknown"+tail)
			work := opened
			wantStatus(t, p, "/~unknown"+tail, 404)
			for name := range h {
				target := "/~" + strings.NewReplacer("\n", "%0a", " ", "%20").Replace(name) + tail
				if strings.HasPrefix(name, ".") && strings.HasPrefix(tail, "/.") {
					continue
				}
				opened = 0
				q := get(t, s, target)
				if q.Status != p.Status || string(q.Body) != string(p.Body) || !slices.Equal(q.Fields, p.Fields) || q.Type != p.Type {
					t.Errorf("%.40s: %d %q %q, but %d for one who is unknown", target, q.Status, q.Fields, q.Body, p.Status)
				}
				if opened != work {
					t.Errorf("%.40s: looked up %d times, but one who is unknown %d times", target, opened, work)
				}
			}
		}
	})
}

// What a user plants in his directory leads nobody out of it and stops nobody.
func TestUsersLinks(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{"eve/sws/own.txt": "OWN\n", "eve/secret.txt": canary, "bob/sws/b.txt": "BOB\n", "bob/secret.txt": canary})
		for name, target := range map[string]string{
			"up": "../secret.txt", "home": "..", "bob": "../../bob", "bobs": base + "/bob/secret.txt", "etc": "/etc", "root": "/", "proc": "/proc/self/root",
			"docroot": "../../root/hello.txt", "inside": "own.txt", "sws": "../sws/own.txt", "self": ".",
		} {
			link(t, target, base+"/eve/sws/"+name)
		}
		must(t, syscall.Mkfifo(base+"/eve/sws/fifo", 0o644))
		must(t, os.Mkdir(base+"/eve/sws/dir", 0o755))
		must(t, syscall.Mkfifo(base+"/eve/sws/dir/index.html", 0o644))
		s := populated(t, open, base, homes{"eve": "eve", "bob": "bob"})
		for _, target := range []string{"up", "home", "home/", "home/secret.txt", "bob/secret.txt", "bob/sws/b.txt", "bobs", "etc/passwd", "root/etc/passwd",
			"proc/etc/passwd", "docroot", "sws", "fifo", "dir/", "self/up", "inside/"} {
			wantStatus(t, get(t, s, "/~eve/"+target), target, 404)
		}
		for _, target := range []string{"own.txt", "inside", "self/self/inside"} {
			if p := get(t, s, "/~eve/"+target); content(t, p) != "OWN\n" {
				t.Errorf("%s: %d", target, p.Status)
			}
		}
		if got, want := names(listed(t, content(t, get(t, s, "/~eve/")))), []string{"dir/", "inside", "own.txt", "self/"}; !slices.Equal(got, want) {
			t.Errorf("the list is %q, want %q", got, want)
		}
	})
}

// One who swaps his directory for a link that leads out, as fast as the kernel
// lets him, shows nobody what is there.
func TestUsersSwapped(t *testing.T) {
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		base := t.TempDir()
		plant(t, base, map[string]string{"eve/real/x.txt": "inside\n", "eve/spare/": "", "bob/x.txt": canary})
		link(t, "../bob", base+"/eve/evil")
		must(t, os.Rename(base+"/eve/real", base+"/eve/sws"))
		s := populated(t, open, base, homes{"eve": "eve"})
		var inside, nothing atomic.Int64
		goesOn := race(300*time.Millisecond, &inside, &nothing)
		var running sync.WaitGroup
		running.Go(func() {
			for goesOn() {
				for _, move := range [][2]string{{"sws", "spare/sws"}, {"evil", "sws"}, {"sws", "evil"}, {"spare/sws", "sws"}} {
					must(t, os.Rename(base+"/eve/"+move[0], base+"/eve/"+move[1]))
				}
			}
		})
		for range 4 {
			running.Go(func() {
				for goesOn() {
					p := s.Answer(request("GET", "/~eve/x.txt"))
					switch got := string(p.Body); {
					case strings.Contains(got, canary):
						t.Error("got what is outside")
					case p.Status == 200 && got == "inside\n":
						inside.Add(1)
					case p.Status == 404 || p.Status == 503:
						nothing.Add(1)
					default:
						t.Errorf("%d %q", p.Status, got)
					}
					p.Release()
				}
			})
		}
		running.Wait()
		if inside.Load() == 0 || nothing.Load() == 0 {
			t.Errorf("the race was not run: %d times inside, %d times nothing", inside.Load(), nothing.Load())
		}
	})
}

// A change anywhere on the way to a user's file is noticed.
func TestUsersFresh(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(base string, h homes) error
		after  int
	}{
		{"home renamed", func(base string, _ homes) error { return os.Rename(base+"/alice", base+"/moved") }, 404},
		{"home replaced", func(base string, _ homes) error {
			must(t, os.Rename(base+"/alice", base+"/moved"))
			return os.Rename(base+"/other", base+"/alice")
		}, 200},
		{"directory replaced", func(base string, _ homes) error {
			must(t, os.Rename(base+"/alice/sws", base+"/moved"))
			return os.Rename(base+"/other/sws", base+"/alice/sws")
		}, 200},
		{"directory made a link out", func(base string, _ homes) error {
			must(t, os.Rename(base+"/alice/sws", base+"/moved"))
			return os.Symlink("../moved", base+"/alice/sws")
		}, 404},
		{"file replaced", func(base string, _ homes) error {
			return os.Rename(base+"/other/sws/a.txt", base+"/alice/sws/a.txt")
		}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachRoot(t, func(t *testing.T, open func(string) *Site) {
				base := t.TempDir()
				plant(t, base, map[string]string{"alice/sws/a.txt": "A\n", "other/sws/a.txt": "B\n"})
				h := homes{"alice": "alice"}
				s := aged(populated(t, open, base, h))
				p := get(t, s, "/~alice/a.txt")
				if p.Status != 200 || p.Unchanged() == web.Changed {
					t.Fatalf("before: %d, %v", p.Status, p.Unchanged())
				}
				must(t, test.change(base, h))
				if got := p.Unchanged(); got == web.Same {
					t.Errorf("after: %v", got)
				}
				again := get(t, s, "/~alice/a.txt")
				if again.Status != test.after || again.ETag == p.ETag {
					t.Errorf("asked again: %d with the tag %s, want %d with another", again.Status, again.ETag, test.after)
				}
			})
		})
	}
}

// What the database said is believed for a moment: about files that are served
// meanwhile, too.
func TestUsersBelieved(t *testing.T) {
	base := t.TempDir()
	plant(t, base, map[string]string{"alice/sws/a.txt": "A\n"})
	h := homes{"alice": "alice"}
	asked := 0
	clock := time.Now().Add(time.Hour)
	eachRoot(t, func(t *testing.T, open func(string) *Site) {
		s := populated(t, open, base, h)
		s.users.home = func(name string) (string, error) { asked++; return h.find(name) }
		s.now = func() time.Time { return clock }
		asked = 0
		var p *web.Reply
		for range 3 {
			p = get(t, s, "/~alice/a.txt")
			get(t, s, "/~unknown/")
			get(t, s, "/~.hidden/")
		}
		if asked != 2 || p.Status != 200 {
			t.Errorf("the database was asked %d times about two users", asked)
		}
		same := p.Unchanged()
		if same != web.Same && s.kind != byWalking && isLocal(t, base) && knowsCached(t, base) {
			t.Errorf("at once: %v", same)
		}
		delete(h, "alice")
		clock = clock.Add(userTime - 1)
		if got := p.Unchanged(); got != same {
			t.Errorf("a moment later: %v, want %v", got, same)
		}
		clock = clock.Add(1)
		if got := p.Unchanged(); got != web.Unknown {
			t.Errorf("later: %v, want Unknown", got)
		}
		wantStatus(t, get(t, s, "/~alice/a.txt"), "a user who is gone", 404)
		h["alice"] = base + "/alice"
		for i := range maxUsers + 10 {
			get(t, s, fmt.Sprintf("/~user%d/", i))
		}
		if n := len(s.users.known); n > maxUsers {
			t.Errorf("%d users are remembered", n)
		}
	})
}

// A database that does not answer is nobody's fault but the server's.
func TestUsersUnavailable(t *testing.T) {
	var complaints []string
	s, err := New(t.TempDir(), &Options{
		Users:  true,
		Home:   func(string) (string, error) { return "", errors.New("no directory service") },
		Errorf: func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) },
	})
	must(t, err)
	defer s.Close()
	for range 2 {
		wantStatus(t, get(t, s, "/~alice/"), "/~alice/", 500)
	}
	if want := `answer "/~alice/": look up: no directory service`; len(complaints) != 2 || complaints[1] != want {
		t.Errorf("complaints %q, want %q twice", complaints, want)
	}
}

// A user who may be searched but not read serves what is asked for by name.
func TestUsersPermissions(t *testing.T) {
	asUser(t)
	if err := sys.BeneathSupported(); err != nil {
		t.Skip("who walks has to read the directories on his way: ", err)
	}
	base := t.TempDir()
	plant(t, base, map[string]string{"alice/sws/a.txt": "A\n", "alice/sws/closed.txt": canary})
	must(t, os.Chmod(base+"/alice", 0o311))
	must(t, os.Chmod(base+"/alice/sws", 0o311))
	must(t, os.Chmod(base+"/alice/sws/closed.txt", 0))
	t.Cleanup(func() { os.Chmod(base+"/alice", 0o755); os.Chmod(base+"/alice/sws", 0o755) })
	s := populated(t, func(dir string) *Site {
		s, err := New(dir, nil)
		must(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}, base, homes{"alice": "alice"})
	for target, want := range map[string]int{"/~alice/a.txt": 200, "/~alice/": 403, "/~alice/closed.txt": 403, "/~alice/nope": 404, "/~alice": 301} {
		wantStatus(t, get(t, s, target), target, want)
	}
}

func TestUserDir(t *testing.T) {
	base := t.TempDir()
	plant(t, base, map[string]string{"alice/www/pub/a.txt": "A\n", "root/": ""})
	for dir, ok := range map[string]bool{
		"": true, "www": true, "www/pub": true, ".": false, "./": false, "..": false, "../www": false, "www/../..": false, "a/..": false, "/www": false, "/": false,
	} {
		s, err := New(base+"/root", &Options{Users: true, UserDir: dir, Home: homes{"alice": base + "/alice"}.find})
		if (err == nil) != ok {
			t.Errorf("New with the user directory %q: %v", dir, err)
		}
		if err == nil {
			if p := get(t, s, "/~alice/a.txt"); (p.Status == 200) != (dir == "www/pub") {
				t.Errorf("with the user directory %q: %d", dir, p.Status)
			}
			must(t, s.Close())
		}
	}
}

// The system's database knows who runs this, and does not give the superuser
// away.
func TestSystemHome(t *testing.T) {
	for _, name := range []string{"root", "no-such-user-here"} {
		if home, err := systemHome(name); home != "" || err != nil {
			t.Errorf("systemHome(%s) = %q, %v", name, home, err)
		}
	}
	u, err := user.LookupId("1") // daemon, or bin: everywhere somebody
	if err != nil {
		t.Skip("this system has no user 1: ", err)
	}
	if home, err := systemHome(u.Username); home != u.HomeDir || err != nil {
		t.Errorf("systemHome(%s) = %q, %v, want %q", u.Username, home, err, u.HomeDir)
	}
}

// FuzzUsers: whoever is asked for, nothing comes but from what a user serves.
func FuzzUsers(f *testing.F) {
	base := f.TempDir()
	plant(f, base, map[string]string{"alice/sws/a.txt": "A\n", "alice/secret.txt": canary, "secret.txt": canary, "root/r.txt": "R\n", "sws/secret.txt": canary})
	link(f, "../secret.txt", base+"/alice/sws/link")
	s, err := New(base+"/root", &Options{Users: true, Home: func(name string) (string, error) {
		switch name {
		case "alice":
			return base + "/alice", nil
		case "":
			panic("asked for nobody")
		}
		return []string{"", "/", base, base + "/nope", "alice", ".."}[rand.IntN(6)], nil
	}})
	must(f, err)
	f.Cleanup(func() { s.Close() })
	for _, path := range []string{"alice/a.txt", "alice/link", "alice", "", ".", "../", "root", "alice%2f..%2fsecret.txt", "bob/secret.txt", "alice/../../secret.txt", "\x00", "a:b/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p := s.Answer(request("GET", "/~"+path))
		defer p.Release()
		if got := content(t, p); strings.Contains(got, canary) && !strings.Contains(path, "secret") {
			t.Fatalf("%q: got what is not served", path)
		}
		switch p.Status {
		case 200, 301, 400, 404:
		default:
			t.Fatalf("%q: %d", path, p.Status)
		}
	})
}
