package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPathOf(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file\nof two lines")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := func(path string) {
		t.Helper()
		if got, errno := PathOf(int(f.Fd())); got != path || errno != 0 {
			t.Errorf("%q, %v; want %q", got, errno, path)
		}
	}
	want(path)
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	want(moved)
	if err := os.Remove(moved); err != nil {
		t.Fatal(err)
	}
	want(moved + " (deleted)")
	if _, errno := PathOf(1 << 20); errno != syscall.ENOENT {
		t.Errorf("no descriptor: %v", errno)
	}
}
