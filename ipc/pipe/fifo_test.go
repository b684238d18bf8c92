package pipe_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

func mkfifo(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fifo")
	if err := pipe.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opened returns what an opening made until the test ends.
func opened(t testing.TB, fd *ipc.FD, err error) *ipc.FD {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fd.Close() })
	return fd
}

func TestMkfifo(t *testing.T) {
	path := mkfifo(t)
	st, err := os.Lstat(path)
	if err != nil || st.Mode() != os.ModeNamedPipe|0o600 {
		t.Errorf("%v, %v, want a FIFO of mode 600", st.Mode(), err)
	}
	err = pipe.Mkfifo(path, 0o600)
	if !errors.Is(err, unix.EEXIST) || err.Error() != "make the FIFO "+path+": mkfifo: file exists" {
		t.Errorf("Mkfifo of what exists: %v", err)
	}
}

// An end that waits is open when the other one is (fifo(7)).
func TestFIFOWaits(t *testing.T) {
	for _, test := range []struct {
		name         string
		waits, meets func(string, pipe.Flags) (*ipc.FD, error)
		writes       bool // the end that waits
	}{
		{"a reader for a writer", pipe.OpenReader, pipe.OpenWriter, false},
		{"a writer for a reader", pipe.OpenWriter, pipe.OpenReader, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := mkfifo(t)
			done := make(chan error, 1)
			var first *ipc.FD
			go func() {
				var err error
				first, err = test.waits(path, 0)
				done <- err
			}()
			second, err := test.meets(path, 0)
			second = opened(t, second, err)
			err = <-done
			first = opened(t, first, err)
			r, w := first, second
			if test.writes {
				r, w = w, r
			}
			for _, fd := range []*ipc.FD{r, w} {
				checkFlags(t, fd, false)
			}
			put(t, w, "kubla")
			check(t, r, "kubla")
			w.Close()
			check(t, r, "")
		})
	}
}

func TestFIFONonblocking(t *testing.T) {
	path := mkfifo(t)
	_, err := pipe.OpenWriter(path, pipe.O_NONBLOCK)
	if !errors.Is(err, unix.ENXIO) || err.Error() != "open "+path+" to write: open: "+unix.ENXIO.Error()+": nobody has it open to read" {
		t.Errorf("OpenWriter without a reader: %v, want ENXIO", err)
	}
	r, err := pipe.OpenReader(path, pipe.O_NONBLOCK)
	r = opened(t, r, err)
	checkFlags(t, r, true)
	check(t, r, "") // no writer has come yet
	w, err := pipe.OpenWriter(path, pipe.O_NONBLOCK)
	w = opened(t, w, err)
	if _, err := pipe.Read(r, make([]byte, 1)); err != pipe.ErrWouldBlock {
		t.Errorf("Read with a silent writer: %v, want ErrWouldBlock", err)
	}
	put(t, w, "khan")
	check(t, r, "khan")
	w.Close()
	check(t, r, "")
}

// Who reads and writes is never alone, and so never finds the end.
func TestFIFOBoth(t *testing.T) {
	path := mkfifo(t)
	both, err := pipe.OpenBoth(path, pipe.O_NONBLOCK)
	both = opened(t, both, err)
	for _, text := range []string{"first client", "second client"} {
		w, err := pipe.OpenWriter(path, 0)
		w = opened(t, w, err)
		put(t, w, text)
		w.Close()
		check(t, both, text)
		if _, err := pipe.Read(both, make([]byte, 1)); err != pipe.ErrWouldBlock {
			t.Errorf("Read after the client has gone: %v, want ErrWouldBlock", err)
		}
	}
}

func TestFIFOErrors(t *testing.T) {
	dir := t.TempDir()
	file, none := filepath.Join(dir, "file"), filepath.Join(dir, "none")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		open func(string, pipe.Flags) (*ipc.FD, error)
		path string
		want error
		text string
	}{
		{"reader of nothing", pipe.OpenReader, none, unix.ENOENT, " to read: open: "},
		{"writer of nothing", pipe.OpenWriter, none, unix.ENOENT, " to write: open: "},
		{"both of nothing", pipe.OpenBoth, none, unix.ENOENT, " to read and write: open: "},
		{"reader of a file", pipe.OpenReader, file, unix.EINVAL, "it is no FIFO"},
		{"writer of a file", pipe.OpenWriter, file, unix.EINVAL, "it is no FIFO"},
		{"reader of a folder", pipe.OpenReader, dir, unix.EINVAL, "it is no FIFO"},
		{"writer of a folder", pipe.OpenWriter, dir, unix.EISDIR, " to write: open: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			fd, err := test.open(test.path, 0)
			if err == nil {
				fd.Close()
			}
			if !errors.Is(err, test.want) || !strings.HasPrefix(err.Error(), "open "+test.path) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want %v, %q", err, test.want, test.text)
			}
		})
	}
	if text, err := os.ReadFile(file); string(text) != "text" || err != nil {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

func TestFIFOExhausted(t *testing.T) {
	path := mkfifo(t)
	failures := kit.Exhaust(t, func() error {
		fd, err := pipe.OpenReader(path, pipe.O_NONBLOCK)
		if err != nil {
			return err
		}
		return fd.Close()
	})
	if failures != 1 {
		t.Errorf("%d failures, want 1", failures)
	}
}
