//go:build unix

package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMayExecute(t *testing.T) {
	path := t.TempDir()
	for name, mode := range map[string]os.FileMode{"program": 0o755, "document": 0o644} {
		if err := os.WriteFile(filepath.Join(path, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, want := range map[string]syscall.Errno{"program": 0, "document": syscall.EACCES, "nothing": syscall.ENOENT} {
		if errno := MayExecute(int(dir.Fd()), name); errno != want {
			t.Errorf("%s: %v, want %v", name, errno, want)
		}
	}
}
