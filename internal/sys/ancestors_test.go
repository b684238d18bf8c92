//go:build unix

package sys

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// ways are both ways to climb, of which the second may say that it would wait.
var ways = map[string]func(int, func(Identity) bool) syscall.Errno{"Ancestors": Ancestors, "AncestorsCached": AncestorsCached}

func mayWait(way string, errno syscall.Errno) bool {
	return way == "AncestorsCached" && (errno == syscall.EAGAIN || errno == syscall.EINVAL || errno == syscall.ENOSYS)
}

// Each directory up to the root is told, in order.
func TestAncestors(t *testing.T) {
	path, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(path, "a/b/c")
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var want []Identity
	for at := path; ; at = filepath.Dir(at) {
		id, errno := IdentityOf(at)
		if errno != 0 {
			t.Fatal(errno)
		}
		want = append(want, id)
		if at == "/" {
			break
		}
	}
	for way, ancestors := range ways {
		for _, enough := range []int{1, 2, 3, len(want), 1000} {
			var got []Identity
			errno := ancestors(int(dir.Fd()), func(id Identity) bool {
				got = append(got, id)
				return len(got) < enough
			})
			if mayWait(way, errno) {
				continue
			}
			if errno != 0 || !slices.Equal(got, want[:min(enough, len(want))]) {
				t.Errorf("%s, %d: %v, %v, want %v", way, enough, got, errno, want)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for way, ancestors := range ways {
		if errno := ancestors(int(dir.Fd()), func(Identity) bool { return true }); errno != syscall.ENOENT && !mayWait(way, errno) {
			t.Errorf("%s of what was removed: %v", way, errno)
		}
	}
	if errno := Ancestors(-1, func(Identity) bool { return true }); errno != syscall.EBADF {
		t.Errorf("no descriptor: %v", errno)
	}
}

// There is an end to how far it goes.
func TestAncestorsBound(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for range 14 {
		deeper := strings.Repeat("d/", 100)
		if err := root.MkdirAll(deeper, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := root.OpenRoot(deeper)
		if err != nil {
			t.Fatal(err)
		}
		root.Close()
		root = next
	}
	dir, err := root.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if errno := Ancestors(int(dir.Fd()), func(Identity) bool { return true }); errno != syscall.ENAMETOOLONG {
		t.Errorf("1,400 directories deep: %v", errno)
	}
}

func TestIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if IsRemoved(int(dir.Fd())) || IsRemoved(-1) {
		t.Error("removed, although it is there")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if !IsRemoved(int(dir.Fd())) {
		t.Error("not removed, although it is gone")
	}
}

// What is held keeps its identity, whatever has its name.
func TestHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "name")
	if err := syscall.Mkfifo(path, 0); err != nil {
		t.Fatal(err)
	}
	id, fd, errno := Hold(path)
	if fd >= 0 {
		defer syscall.Close(fd)
	}
	if want, _ := IdentityOf(path); errno != 0 || id != want {
		t.Errorf("Hold: %v, %v, want %v", id, errno, want)
	}
	if _, fd, errno := Hold(path + "/none"); errno != syscall.ENOTDIR || fd != -1 {
		t.Errorf("Hold of nothing: %d, %v", fd, errno)
	}
}
