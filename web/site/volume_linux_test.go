package site

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/web"
)

// A volume is the file system that will have to be asked, which is not asked to
// know that.
func TestVolume(t *testing.T) {
	docs := t.TempDir()
	for _, dir := range []string{"mount", "a/b"} {
		if err := os.MkdirAll(filepath.Join(docs, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../mount", filepath.Join(docs, "a/link")); err != nil {
		t.Fatal(err)
	}
	hung := kit.NewFileSystem(t, filepath.Join(docs, "mount"))
	device := func(path string) uint64 {
		t.Helper()
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return uint64(st.Dev)
	}
	here, there := device(docs), device(filepath.Join(docs, "mount"))
	// It is in memory, and was read after it was made: else the kernel would have to
	// note when it is read (mount(8), relatime), which it does not do from memory.
	link := filepath.Join(docs, "a/link")
	for start := time.Now(); time.Since(start) < time.Second; {
		var st syscall.Stat_t
		if _, err := os.Readlink(link); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Lstat(link, &st); err != nil {
			t.Fatal(err)
		}
		if syscall.TimespecToNsec(st.Atim) > syscall.TimespecToNsec(st.Ctim) {
			break
		}
	}
	s, err := New(docs, &Options{Users: true, Home: func(user string) (string, error) {
		if user == "away" {
			return filepath.Join(docs, "mount"), nil
		}
		return "", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Volume(&web.Request{Path: []byte("/")}) == 0 {
		t.Skip("this system does not tell what it has in memory")
	}
	s.Answer(&web.Request{Method: []byte("GET"), Path: []byte("/~away/x")})
	hung.Hang()
	for _, c := range []struct {
		path string
		want uint64
	}{
		{"/", here},
		{"/none", here},
		{"/none/of/this", here},
		{"/a/b/c/d/e/f/g", here},
		{"/" + strings.Repeat("x/", 500), here},
		{"/mount", there},
		{"/mount/", there},
		{"/mount/x", there},
		{"/mount/x/y/z", there},
		{"/%6dount/x", there},
		{"/a/link/x", there},
		{"/a/../mount/x", there},
		{"/~nobody-knows/x", usersVolume},
		{"/~away/x", usersVolume},
		{"/~nobody-here/x", usersVolume},
		{"/%00", 0},
	} {
		r := &web.Request{Path: []byte(c.path)}
		got := s.Volume(r)
		for tries := 0; got != c.want && tries < 1000; tries++ {
			got = s.Volume(r) // a mount anywhere in the system makes the kernel unsure for a moment
		}
		if got != c.want {
			t.Errorf("%.40s: %d, want %d", c.path, got, c.want)
		}
	}
	select {
	case <-hung.Asked():
		t.Error("the file system was asked")
	default:
	}
}

// What is asked on a server's loop asks no file system that may hang, not even of
// a file whose name the kernel knows.
func TestAnswerNowAsksNobody(t *testing.T) {
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, "mount"), 0o755); err != nil {
		t.Fatal(err)
	}
	hung := kit.NewFileSystem(t, filepath.Join(docs, "mount"))
	s, err := New(docs, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hung.Remember()
	r := &web.Request{Method: []byte("GET"), Path: []byte("/mount/" + kit.FuseFile)}
	p := s.Answer(r)
	if p.Status != 200 || !p.Slow {
		t.Errorf("status %d, slow %v; want a file that is", p.Status, p.Slow)
	}
	hung.Hang()
	defer p.Release() // which asks
	defer hung.Resume()
	for _, path := range []string{"/mount/" + kit.FuseFile, "/mount/", "/mount", "/"} {
		r := &web.Request{Method: []byte("GET"), Path: []byte(path)}
		now := make(chan *web.Reply)
		go func() {
			s.Volume(r)
			now <- s.AnswerNow(r, make([]byte, 1<<17))
		}()
		select {
		case p := <-now:
			p.Release()
		case <-hung.Asked():
			t.Errorf("%s: the file system was asked", path)
			hung.Resume()
			(<-now).Release()
			hung.Hang()
		}
	}
}

// A list of a directory in which a file system is mounted does not wait for it,
// whether or not programs are kept apart.
func TestListBesideMount(t *testing.T) {
	docs := t.TempDir()
	if err := os.Mkdir(filepath.Join(docs, "mount"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mount", filepath.Join(docs, "link")); err != nil {
		t.Fatal(err)
	}
	hung := kit.NewFileSystem(t, filepath.Join(docs, "mount"))
	for name, opt := range map[string]*Options{
		"documents":         {},
		"and programs":      {Programs: t.TempDir()},
		"directories first": {Programs: t.TempDir(), DirsFirst: true},
	} {
		for _, whole := range []int{maxWhole, 0} { // 0: each list is a long one
			s, err := New(docs, opt)
			if err != nil {
				t.Fatal(err)
			}
			s.maxWhole = whole
			hung.Hang()
			listed := make(chan string)
			go func() {
				p := s.Answer(&web.Request{Method: []byte("GET"), Path: []byte("/"), Query: []byte("format=text"), HasQuery: true})
				text := string(p.Body)
				if p.Stream != nil {
					b, err := io.ReadAll(p.Stream)
					if err != nil {
						t.Error(err)
					}
					text = string(b)
				}
				p.Release()
				listed <- text
			}()
			select {
			case got := <-listed:
				if got != "link/\nmount/\n" {
					t.Errorf("%s, up to %d: %q", name, whole, got)
				}
			case <-hung.Asked():
				t.Errorf("%s, up to %d: the file system was asked", name, whole)
				hung.Resume()
				<-listed
			}
			hung.Resume()
			s.Close()
		}
	}
}
