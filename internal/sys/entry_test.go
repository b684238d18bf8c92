//go:build unix

package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A link is not followed, and nothing is waited for.
func TestOpenEntry(t *testing.T) {
	path := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(path, "file"), nil, 0o644),
		os.Symlink("file", filepath.Join(path, "link")),
		syscall.Mkfifo(filepath.Join(path, "fifo"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, want := range map[string]bool{"file": true, ".": true, "fifo": true, "link": false, "none": false} {
		fd, errno := OpenEntry(int(dir.Fd()), name)
		if (errno == 0) != want {
			t.Errorf("OpenEntry(%s): %v", name, errno)
		}
		if errno == 0 {
			syscall.Close(fd)
		}
	}
}
