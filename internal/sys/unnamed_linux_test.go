package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestUnnamedFile(t *testing.T) {
	dir := t.TempDir()
	fd, errno := UnnamedFile(dir)
	if errno == syscall.EOPNOTSUPP {
		t.Skip("the file system of ", dir, " has no unnamed files")
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	defer syscall.Close(fd)
	if _, err := syscall.Pwrite(fd, []byte("hello"), 0); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("it has a name: %v", left)
	}
	if fd, errno := UnnamedFile(filepath.Join(dir, "none")); fd != -1 || errno != syscall.ENOENT {
		t.Errorf("in no directory: %d, %v", fd, errno)
	}
}

func TestMemoryFile(t *testing.T) {
	fd, errno := MemoryFile("name")
	if errno != 0 {
		t.Fatal(errno)
	}
	defer syscall.Close(fd)
	if _, err := syscall.Pwrite(fd, []byte("hello"), 0); err != nil {
		t.Error(err)
	}
	if errno := SealFile(fd); errno != 0 {
		t.Fatal(errno)
	}
	for at, text := range []string{"x", "world!"} {
		if _, err := syscall.Pwrite(fd, []byte(text), int64(at)); err != syscall.EPERM {
			t.Errorf("written to when sealed: %v", err)
		}
	}
	got := make([]byte, 6)
	if n, err := syscall.Pread(fd, got, 0); string(got[:max(n, 0)]) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}
