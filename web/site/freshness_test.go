package site

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/web"
)

// A change to what a reply was made from is never taken for none, whoever
// answers and whether the file is in memory or open.
func TestUnchanged(t *testing.T) {
	rewrite := func(path, content string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(content)
		return err
	}
	for _, test := range []struct {
		name   string
		target string
		change func(dir string) error
		after  int // status of the next answer
	}{
		{"edited in place", "/dir/a.txt", func(dir string) error { return rewrite(dir+"/dir/a.txt", "FILE-B\n") }, 200},
		{"edited in place, date put back", "/dir/a.txt", func(dir string) error {
			must(t, rewrite(dir+"/dir/a.txt", "FILE-B\n"))
			return os.Chtimes(dir+"/dir/a.txt", old, old)
		}, 200},
		{"appended", "/dir/a.txt", func(dir string) error { return os.WriteFile(dir+"/dir/a.txt", []byte("FILE-A\nmore"), 0) }, 200},
		{"truncated", "/dir/a.txt", func(dir string) error { return os.Truncate(dir+"/dir/a.txt", 3) }, 200},
		{"replaced", "/dir/a.txt", func(dir string) error { return os.Rename(dir+"/twin.txt", dir+"/dir/a.txt") }, 200},
		{"removed", "/dir/a.txt", func(dir string) error { return os.Remove(dir + "/dir/a.txt") }, 404},
		{"permission taken away", "/dir/a.txt", func(dir string) error { return os.Chmod(dir+"/dir/a.txt", 0) }, 403},
		{"made a directory", "/dir/a.txt", func(dir string) error {
			must(t, os.Remove(dir+"/dir/a.txt"))
			return os.Mkdir(dir+"/dir/a.txt", 0o755)
		}, 301},
		{"directory renamed", "/dir/a.txt", func(dir string) error { return os.Rename(dir+"/dir", dir+"/moved") }, 404},
		{"directory replaced", "/dir/a.txt", func(dir string) error {
			must(t, os.Rename(dir+"/dir", dir+"/moved"))
			return os.Rename(dir+"/other", dir+"/dir")
		}, 200},
		{"directory closed", "/dir/a.txt", func(dir string) error { return os.Chmod(dir+"/dir", 0) }, 403},
		{"link retargeted", "/link", func(dir string) error {
			link(t, "twin.txt", dir+"/link.new")
			return os.Rename(dir+"/link.new", dir+"/link")
		}, 200},
		{"link's target replaced", "/link", func(dir string) error { return os.Rename(dir+"/twin.txt", dir+"/dir/a.txt") }, 200},
		{"link leads out", "/link", func(dir string) error {
			must(t, os.Remove(dir+"/link"))
			link(t, "/etc/passwd", dir+"/link")
			return nil
		}, 404},
		{"index replaced", "/index/", func(dir string) error { return os.Rename(dir+"/twin.txt", dir+"/index/index.html") }, 200},
		{"index removed", "/index/", func(dir string) error { return os.Remove(dir + "/index/index.html") }, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachRoot(t, func(t *testing.T, open func(string) *Site) {
				for _, maxInline := range []int64{1 << 10, -1} {
					dir := t.TempDir()
					plant(t, dir, map[string]string{
						"dir/a.txt": "FILE-A\n", "other/a.txt": "FILE-A\n", "twin.txt": "FILE-A\n", "index/index.html": "INDEX\n",
					})
					link(t, "dir/a.txt", dir+"/link")
					s := aged(open(dir))
					s.maxInline, s.maxRead = maxInline, maxInline
					p := get(t, s, test.target)
					if p.Status != 200 || p.Unchanged == nil {
						t.Fatalf("%s: %d", test.target, p.Status)
					}
					want := web.Same
					if s.kind == byWalking || !isLocal(t, dir) || !knowsCached(t, dir) {
						want = web.Unknown
					}
					// A link that was never followed waits for the clock's next
					// step to have its atime set, and is not in memory until then.
					for start := time.Now(); p.Unchanged() != want && time.Since(start) < 10*time.Second; {
						p = get(t, s, test.target)
					}
					if got := p.Unchanged(); got != want {
						t.Errorf("before: %v, want %v", got, want)
					}

					before := content(t, p)
					must(t, test.change(dir))
					defer os.Chmod(dir+"/dir", 0o755)
					if syscall.Geteuid() == 0 && test.after == 403 {
						t.Skip("root may read everything: run this as another user")
					}
					if got := p.Unchanged(); got == web.Same {
						t.Errorf("after: %v", got)
					}
					again := get(t, s, test.target)
					if again.Status != test.after {
						t.Errorf("asked again: %d, want %d", again.Status, test.after)
					}
					if same := content(t, again) == before; again.Status == 200 && (again.ETag == p.ETag) != same {
						t.Errorf("asked again: %s after %s, the content is the same: %v", again.ETag, p.ETag, same)
					}
				}
			})
		})
	}
}

func isLocal(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	st, errno := sys.Fstat(int(f.Fd()))
	if errno != 0 {
		t.Fatal(errno)
	}
	return sys.IsLocal(int(f.Fd()), &st)
}

// knowsCached reports whether the kernel has RESOLVE_CACHED.
func knowsCached(t *testing.T, dir string) bool {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	defer f.Close()
	fd, errno := sys.FindBeneath(int(f.Fd()), ".", true)
	if errno == 0 {
		syscall.Close(fd)
	}
	return errno != syscall.EINVAL && errno != syscall.ENOSYS
}

// What was changed a moment ago could change once more without a trace, so a
// reply made of it is not vouched for; once it is old enough, it is.
func TestYoungFile(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a.txt": "FILE-A\n"})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	start := changed(t, dir+"/a.txt")
	for age, young := range map[time.Duration]bool{
		-time.Hour: true, tick: true, coarsest - 1: true, coarsest: false, time.Hour: false,
	} {
		s.now = func() time.Time { return start.Add(age) }
		if got := get(t, s, "/a.txt").Unchanged(); (got == web.Changed) != young {
			t.Errorf("of a file changed %v ago: %v", age, got)
		}
	}
}

// A worn place has its files opened, but cannot be looked at without waiting.
type worn struct {
	where
	err error
}

func (w *worn) enter(wait bool) (*opened, error) {
	if !wait {
		return nil, w.err
	}
	return w.where.enter(wait)
}

func TestUnchangedErrors(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a.txt": "FILE-A\n"})
	if !isLocal(t, dir) {
		t.Skip("the temporary directory is on a file system that is always asked again")
	}
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	worn := &worn{where: s.root.where}
	s.root.where = worn
	p := get(t, aged(s), "/a.txt")
	for _, test := range []struct {
		err  syscall.Errno
		want web.Freshness
	}{
		{syscall.EAGAIN, web.Unknown},
		{syscall.EINTR, web.Unknown},
		{syscall.EINVAL, web.Unknown},
		{syscall.EMFILE, web.Unknown},
		{syscall.ENFILE, web.Unknown},
		{syscall.ENOMEM, web.Unknown},
		{syscall.ENOENT, web.Changed},
		{syscall.EACCES, web.Changed},
		{syscall.EXDEV, web.Changed},
		{syscall.EIO, web.Changed},
	} {
		worn.err = test.err
		if got := p.Unchanged(); got != test.want {
			t.Errorf("%v: %v, want %v", test.err, got, test.want)
		}
	}
}

// A file that is open holds until its content has changed, or may have: other
// changes do not count, also when one of the content follows them.
func TestHolds(t *testing.T) {
	edit := func(path string) { must(t, os.WriteFile(path, []byte("FILE-B\n"), 0o644)) }
	for _, test := range []struct {
		name   string
		change func(path string)
		want   bool
	}{
		{"nothing", func(string) {}, true},
		{"edited", edit, false},
		{"edited, date put back", func(path string) { edit(path); must(t, os.Chtimes(path, old, old)) }, false},
		{"longer", func(path string) { must(t, os.Truncate(path, 10)) }, false},
		{"another date", func(path string) { must(t, os.Chtimes(path, old, old.Add(1))) }, false},
		{"read", func(path string) { must(t, errOf(os.ReadFile(path))) }, true},
		{"replaced", func(path string) {
			must(t, os.WriteFile(path+".new", nil, 0o644))
			must(t, os.Rename(path+".new", path))
		}, true},
		{"removed", func(path string) { must(t, os.Remove(path)) }, true},
		{"linked", func(path string) { must(t, os.Link(path, path+".link")) }, true},
		{"another mode", func(path string) { must(t, os.Chmod(path, 0o600)) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir() + "/a.txt"
			plant(t, path[:len(path)-len("/a.txt")], map[string]string{"a.txt": "FILE-A\n"})
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			s := openSite(t, path[:len(path)-len("/a.txt")])
			p := get(t, s, "/a.txt")
			if p.Holds == nil || !p.Holds() {
				t.Fatal("it does not hold from the start")
			}
			test.change(path)
			if got := p.Holds(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if _, err := f.WriteString("C"); err != nil {
				t.Fatal(err)
			}
			if p.Holds() {
				t.Error("it holds after another edit")
			}
		})
	}
}

func errOf(_ any, err error) error { return err }

// openSite serves dir and keeps nothing in memory, until the test ends.
func openSite(t *testing.T, dir string) *Site {
	t.Helper()
	s, err := New(dir, &Options{MaxInline: -1})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// Errors and redirects are not kept, and for lists the site is asked again.
func TestUnkept(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"dir/a.txt": "FILE-A\n"})
	s, err := New(dir, nil)
	must(t, err)
	defer s.Close()
	for _, target := range []string{"/nope", "/%", "/dir"} {
		if p := get(t, aged(s), target); p.Unchanged != nil {
			t.Errorf("%s: a %d is kept", target, p.Status)
		}
	}
	if p := get(t, aged(s), "/dir/"); p.Status != 200 || p.Unchanged() != web.Unknown {
		t.Errorf("a list is vouched for")
	}
}

// A reply's file stays what it was, whatever happens to its name, and is closed
// by Release alone.
func TestFileOutlivesName(t *testing.T) {
	dir := t.TempDir()
	want := strings.Repeat("FILE-A\n", 1000)
	plant(t, dir, map[string]string{"a.txt": want})
	s, err := New(dir, &Options{MaxInline: -1})
	must(t, err)
	p := s.Answer(request("GET", "/a.txt"))
	must(t, s.Close())
	must(t, os.Remove(dir+"/a.txt"))
	if got := content(t, p); got != want {
		t.Errorf("%d octets of a removed file, want %d", len(got), len(want))
	}
	if got := p.Unchanged(); got != web.Changed {
		t.Errorf("after Close: %v, want Changed", got)
	}
	file := p.File
	p.Release()
	if fmt.Sprint(file) != fmt.Sprint(new(ipc.FD)) {
		t.Errorf("after Release the file is %v", file)
	}
}
