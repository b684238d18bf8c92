package httpd_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
