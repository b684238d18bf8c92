package site

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/sys"
	"xanadu/web"
)

// now asks s for what it can say at once about a path.
func now(t *testing.T, s *Site, method, target string, room int) *web.Reply {
	t.Helper()
	p := s.AnswerNow(request(method, target), make([]byte, room))
	if p != nil {
		t.Cleanup(p.Release)
	}
	return p
}

// What is said at once is what would be said otherwise. All else is left to Answer.
func TestAnswerNow(t *testing.T) {
	if err := sys.BeneathSupported(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	plant(t, dir, map[string]string{
		"a.txt": "hello", "empty": "", "dir/index.html": "<p>index</p>", "list/b": "b", ".hidden": "no",
		"long.bin": noise(300_000), "long.html": noise(300_000),
	})
	must(t, os.Symlink("a.txt", filepath.Join(dir, "link")))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out")))
	s, err := New(dir, &Options{Users: true})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	const room = 128 << 10
	for _, test := range []struct {
		name, method, target string
		room                 int
		want                 bool
	}{
		{"a file", "GET", "/a.txt", room, true},
		{"its head", "HEAD", "/a.txt", room, true},
		{"by a link", "GET", "/link", room, true},
		{"by another spelling", "GET", "/dir/../%61.txt", room, true},
		{"an empty file", "GET", "/empty", room, true},
		{"an index", "GET", "/dir/", room, true},
		{"one that is sent from its file", "GET", "/long.bin", room, true},
		{"more than there is room for", "GET", "/a.txt", 4, false},
		{"a list", "GET", "/list/", room, false},
		{"a redirect", "GET", "/dir", room, false},
		{"nothing", "GET", "/none", room, false},
		{"a dot name", "GET", "/.hidden", room, false},
		{"a way out", "GET", "/out", room, false},
		{"a user's", "GET", "/~root/a.txt", room, false},
		{"a malformed path", "GET", "/%zz", room, false},
		{"another method", "POST", "/a.txt", room, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			slow := ask(t, s, test.method, test.target) // and all of it is in memory now
			p := now(t, s, test.method, test.target, test.room)
			if (p != nil) != test.want {
				t.Fatalf("said at once: %v, want %v", p != nil, test.want)
			}
			if p == nil {
				return
			}
			if got, want := content(t, p), content(t, slow); got != want {
				t.Errorf("content %.40q, want %.40q", got, want)
			}
			if p.ETag != slow.ETag || p.Type != slow.Type || !p.Modified.Equal(slow.Modified) || p.Status != slow.Status {
				t.Errorf("%+v, want %+v", p, slow)
			}
		})
	}
}

// A file that has just been changed takes a moment to rest, which is not for a
// loop.
func TestAnswerNowOfYoungFiles(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a": "hello"})
	s, err := New(dir, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	at := changed(t, filepath.Join(dir, "a"))
	s.now = func() time.Time { return at.Add(tick / 2) }
	if p := now(t, s, "GET", "/a", 100); p != nil {
		t.Error("it was said at once")
	}
}

// A file is read again as long as it is the same, whether it is kept open or not.
func TestReread(t *testing.T) {
	if err := sys.BeneathSupported(); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		name   string
		change func(path string) error // nil: none

		elsewhere bool // the file itself is what it was
	}{
		{"unchanged", nil, false},
		{"edited", func(path string) error { return os.WriteFile(path, []byte("HELLO"), 0o644) }, false},
		{"truncated", func(path string) error { return os.Truncate(path, 2) }, false},
		{"removed", os.Remove, false},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+".new", []byte("HELLO"), 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, false},
		{"behind another directory", func(path string) error {
			if err := os.Rename(filepath.Dir(path), filepath.Dir(path)+".old"); err != nil {
				return err
			}
			return os.Mkdir(filepath.Dir(path), 0o755)
		}, true},
		{"replaced by a FIFO", func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return syscall.Mkfifo(path, 0o644)
		}, false},
	} {
		for _, way := range []struct {
			name       string
			open, look bool
		}{
			{"open", true, false}, {"open, with a look", true, true}, {"closed", false, false}, {"closed, with a look", false, true},
		} {
			t.Run(test.name+", "+way.name, func(t *testing.T) {
				dir := t.TempDir()
				plant(t, dir, map[string]string{"d/a": "hello"})
				s, err := New(dir, nil)
				must(t, err)
				t.Cleanup(func() { must(t, s.Close()) })
				path := filepath.Join(dir, "d", "a")
				p := get(t, aged(s), "/d/a")
				if p.Reread == nil {
					t.Skip("this file system cannot say that the file is unchanged")
				}
				if !way.open {
					p.File.Close()
				}
				if test.change != nil {
					must(t, test.change(path))
				}
				want := test.change == nil || test.elsewhere && way.open && !way.look
				b := make([]byte, len("hello"))
				if !way.open {
					fd := p.Reopen()
					if (fd != nil) != want {
						t.Errorf("Reopen: %v, want one: %v", fd, want)
					}
					if fd == nil {
						return
					}
					defer fd.Close()
				}
				if got := p.Reread(b, way.look); got != want || got && string(b) != "hello" {
					t.Errorf("Reread: %v, %q, want %v", got, b, want)
				}
			})
		}
	}
}

// Who reads again allocates nothing.
func TestRereadDoesNotAllocate(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"a": "hello"})
	s, err := New(dir, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	p := get(t, aged(s), "/a")
	if p.Reread == nil {
		t.Skip("this file system cannot say that the file is unchanged")
	}
	b := make([]byte, len("hello"))
	if n := testing.AllocsPerRun(100, func() { p.Reread(b, false); p.Reread(b, true) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
