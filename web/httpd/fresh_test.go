package httpd_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

// Whatever happens to a file, who asks a second later sees it. The site and the
// server are the real ones, and clients ask all the time, so that nothing is
// looked at only because nobody had asked for a while.
func TestChangesAreSeen(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		dir := t.TempDir()
		s, err := site.New(dir, nil)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		r := start(t, s, httpd.Options{Poller: poller, Loops: 2})

		const size = 300_000 // one that is kept as an open file
		var all sync.WaitGroup
		defer all.Wait()
		for _, change := range []struct {
			name   string
			before string
			make   func(path string) error
			status int
			after  string
		}{
			{"replaced", "old", func(path string) error {
				must(t, os.WriteFile(path+".new", []byte("new"), 0o644))
				return os.Rename(path+".new", path)
			}, 200, "new"},
			{"edited", "old", func(path string) error { return write(path, "new", 0) }, 200, "new"},
			{"longer", "old", func(path string) error { return write(path, "and new", 3) }, 200, "oldand new"},
			{"truncated", "old", func(path string) error { return os.Truncate(path, 1) }, 200, "o"},
			{"removed", "old", os.Remove, 404, ""},
			{"closed", "old", func(path string) error {
				must(t, os.Remove(path))
				return os.Symlink("/etc/passwd", path)
			}, 404, ""},
			{"long, replaced", pattern(size), func(path string) error {
				must(t, os.WriteFile(path+".new", []byte("new"), 0o644))
				return os.Rename(path+".new", path)
			}, 200, "new"},
			{"long, edited", pattern(size), func(path string) error { return write(path, "NEW", size/2) }, 200,
				pattern(size)[:size/2] + "NEW" + pattern(size)[size/2+3:]},
			{"long, longer", pattern(size), func(path string) error { return write(path, "and new", size) }, 200, pattern(size) + "and new"},
			{"long, removed", pattern(size), os.Remove, 404, ""},
		} {
			path := filepath.Join(dir, change.name)
			must(t, os.WriteFile(path, []byte(change.before), 0o644))
			target := strings.ReplaceAll("/"+change.name, " ", "%20")
			c := r.dial()
			c.get(target).want(t, 200, change.before)
			all.Go(func() {
				must(t, change.make(path))
				changed := time.Now()
				pace := time.NewTicker(short / 10)
				defer pace.Stop()
				for {
					asked := time.Now()
					p := c.get(target)
					if p.status == change.status && (p.status != 200 || string(p.body) == change.after) {
						return
					}
					if asked.Sub(changed) > time.Second {
						t.Errorf("%s: the answer is %d with %.20q after %v", change.name, p.status, p.body, time.Since(changed))
						return
					}
					if p.status != 200 || string(p.body) != change.before {
						t.Errorf("%s: the answer is %d with %.20q, neither old nor new", change.name, p.status, p.body)
						return
					}
					<-pace.C
				}
			})
		}
	})
}

// A long file that was truncated cannot be sent as it was: the one who finds out
// is cut off, and the next one gets it as it is.
func TestTruncationIsSeen(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		const size = 300_000
		path := filepath.Join(t.TempDir(), "file")
		must(t, os.WriteFile(path, []byte(pattern(size)), 0o644))
		s, err := site.New(filepath.Dir(path), nil)
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		r := start(t, s, httpd.Options{Poller: poller})
		r.dial().get("/file").want(t, 200, pattern(size))
		must(t, os.Truncate(path, size/2))
		c := r.dial()
		c.write(request("GET", "/file"))
		if p, err := readResponse(c.r, "GET"); err == nil {
			p.want(t, 200, pattern(size/2)) // it was asked for again already
		}
		r.dial().get("/file").want(t, 200, pattern(size/2))
	})
}

// A long file that is edited in place is not sent under the head of what it was,
// not even to who asks right after the edit, whole or in part.
func TestEditIsSeenAtOnce(t *testing.T) {
	const size = 300_000
	old := pattern(size)
	new := "NEW" + old[3:]
	for name, edit := range map[string]func(path string) error{
		"written over":    func(path string) error { return write(path, "NEW", 0) },
		"truncated first": func(path string) error { return os.WriteFile(path, []byte(new), 0o644) },
		"its date is put back": func(path string) error {
			return errors.Join(write(path, "NEW", 0), os.Chtimes(path, modified, modified))
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, poller string) {
				path := filepath.Join(t.TempDir(), "file")
				must(t, os.WriteFile(path, []byte(old), 0o644))
				must(t, os.Chtimes(path, modified, modified))
				r := startTCP(t, newSite(t, filepath.Dir(path)), httpd.Options{Poller: poller})
				c := r.dial()
				tag := c.get("/file").field("ETag")
				c.get("/file").want(t, 200, old)
				must(t, edit(path))
				p := c.get("/file")
				p.want(t, 200, new)
				if p.field("ETag") == tag {
					t.Error("the new version has the tag of the old one")
				}

				p = c.get("/file")
				c.write("GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=100-199\r\nIf-Range: " + tag + "\r\n\r\n")
				c.read("GET").want(t, 200, new)
				must(t, write(path, "old", 0))
				c.write("GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=100-199\r\nIf-Range: " + p.field("ETag") + "\r\n\r\n")
				c.read("GET").want(t, 200, "old"+old[3:])
			})
		})
	}
}

// A long file that is edited while it is sent: the connection is reset, after
// less than all of it and nothing of the new version. A new version that is
// renamed over it disturbs no transfer.
func TestEditDuringTransfer(t *testing.T) {
	const size = 8 << 20
	old := pattern(size)
	for _, test := range []struct {
		name string
		make func(path string) error
		goes bool // the transfer goes on
	}{
		{"written over", func(path string) error { return write(path, "NEW", size-100) }, false},
		{"truncated first", func(path string) error { return os.WriteFile(path, []byte(old[:size-3]+"NEW"), 0o644) }, false},
		{"longer", func(path string) error { return write(path, "more", size) }, false},
		{"its date is put back", func(path string) error {
			return errors.Join(write(path, "NEW", size-100), os.Chtimes(path, modified, modified))
		}, false},
		{"replaced", func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte("NEW"), 0o644), os.Rename(path+".new", path))
		}, true},
		{"removed", os.Remove, true},
		{"linked", func(path string) error { return os.Link(path, path+".link") }, true},
		{"another mode", func(path string) error { return os.Chmod(path, 0o600) }, true},
		{"read", func(path string) error { _, err := os.ReadFile(path); return err }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, poller string) {
				path := filepath.Join(t.TempDir(), "file")
				must(t, os.WriteFile(path, []byte(old), 0o644))
				must(t, os.Chtimes(path, modified, modified))
				r := startTCP(t, newSite(t, filepath.Dir(path)), httpd.Options{Poller: poller})
				c := r.dial()
				c.write(request("GET", "/file"))
				_, err := c.r.Peek(1) // it has begun
				must(t, err)
				must(t, test.make(path))
				if test.goes {
					c.read("GET").want(t, 200, old)
					return
				}
				all, err := io.ReadAll(c.r)
				if !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the connection ended with %v, want a reset", err)
				}
				_, content, _ := strings.Cut(string(all), "\r\n\r\n")
				if len(content) >= size || !strings.HasPrefix(old, content) {
					t.Errorf("%d octets of content, which are not the first of the old version", len(content))
				}
				now, err := os.ReadFile(path)
				must(t, err)
				r.dial().get("/file").want(t, 200, string(now))
			})
		})
	}
}

// A file that changes whenever somebody looks: the site is asked again a few
// times, and then no client has all of it.
func TestUnsteady(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		answer := file(t, pattern(100_000))
		asked := 0
		r := startTCP(t, pages{"/": func(r *web.Request) *web.Reply {
			asked++
			p := answer(r)
			p.Holds = func() bool { return false }
			return p
		}}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(request("GET", "/"))
		if p, err := readResponse(c.r, "GET"); err == nil {
			t.Errorf("%d octets of a file that does not hold", len(p.body))
		}
		r.log.await(t, 1)
		if asked < 2 || asked > 10 {
			t.Errorf("the site was asked %d times", asked)
		}
	})
}

// newSite is the real one, open until the test ends.
func newSite(t testing.TB, dir string) *site.Site {
	t.Helper()
	s, err := site.New(dir, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// write writes text over what stands at an offset of a file.
func write(path, text string, at int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(text), at)
	return err
}
