package kit

import (
	"os"
	"path/filepath"
	"testing"
)

// A FileSystem serves, hangs, and serves again what it was asked for meanwhile.
func TestFileSystem(t *testing.T) {
	fs := NewFileSystem(t, t.TempDir())
	file := filepath.Join(fs.Dir, FuseFile)
	if got, err := os.ReadFile(file); string(got) != FuseContent || err != nil {
		t.Errorf("got %d octets, %v", len(got), err)
	}
	if _, err := os.Stat(file + "s"); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	entries, err := os.ReadDir(fs.Dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != FuseFile {
		t.Errorf("got %v, %v", entries, err)
	}
	fs.Hang()
	read := make(chan error)
	go func() {
		_, err := os.ReadFile(file)
		read <- err
	}()
	<-fs.Asked()
	select {
	case err := <-read:
		t.Errorf("a file system that hangs has answered: %v", err)
	default:
	}
	fs.Resume()
	if err := <-read; err != nil {
		t.Error(err)
	}
}
