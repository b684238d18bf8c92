package sys_test

import (
	"os"
	"path/filepath"
	"testing"

	"xanadu/internal/kit"
	"xanadu/internal/sys"
)

// What is mounted in a directory is looked at without asking the file system.
func TestLstatatMount(t *testing.T) {
	top := t.TempDir()
	if err := os.Mkdir(filepath.Join(top, "mount"), 0o755); err != nil {
		t.Fatal(err)
	}
	hung := kit.NewFileSystem(t, filepath.Join(top, "mount"))
	dir, err := os.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	hung.Hang()
	st, errno := sys.Lstatat(int(dir.Fd()), "mount")
	if errno != 0 || !st.IsDir() {
		t.Errorf("got %+v, %v", st, errno)
	}
	select {
	case <-hung.Asked():
		t.Error("the file system was asked")
	default:
	}
}
