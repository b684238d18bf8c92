package accesslog

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// A file system that does not respond when Reopen closes a file in it, which the
// writer has not taken up, holds up no one who delivers.
func TestReopenHangs(t *testing.T) {
	hung := kit.NewFileSystem(t, t.TempDir())
	link := filepath.Join(t.TempDir(), "link")
	lead := func(path string) {
		t.Helper()
		os.Remove(link)
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := start(w, "pipe", link, nil)
	l.Deliver(bytes.Repeat([]byte("one\n"), 1<<16)) // more than a pipe holds
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	lead(filepath.Join(hung.Dir, kit.FuseFile))
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	hung.Hang()
	lead(filepath.Join(t.TempDir(), "log"))
	reopened := make(chan error)
	go func() { reopened <- l.Reopen() }()
	<-hung.Asked()
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		l.Deliver([]byte("two\n"))
	}()
	select {
	case <-delivered:
	case <-time.After(10 * time.Second):
		t.Error("Deliver waits for the file system")
	}
	hung.Resume()
	<-delivered
	if err := <-reopened; err != nil {
		t.Error(err)
	}
	go io.Copy(io.Discard, r)
	closed(t, l)
}
