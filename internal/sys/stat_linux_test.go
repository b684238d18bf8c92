package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// statx(2) and fstat(2), which stands in where the first is refused, say the same.
func TestFstat(t *testing.T) {
	dir := t.TempDir()
	for _, make := range []func(path string) error{
		func(path string) error { return os.WriteFile(path, []byte("content"), 0o640) },
		func(path string) error { return os.Mkdir(path, 0o700) },
		func(path string) error { return unix.Mkfifo(path, 0o600) },
	} {
		path := dir + "/file"
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		for _, flags := range []int{unix.O_PATH, unix.O_RDONLY | unix.O_NONBLOCK} {
			fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			st, errno := Fstat(fd)
			if errno != 0 {
				t.Fatal(errno)
			}
			mount := st.Mount
			st.Mount = 0
			noStatx.Store(true)
			old, errno := Fstat(fd)
			noStatx.Store(false)
			if errno != 0 || st != old {
				t.Errorf("statx says %+v, fstat %+v, %v", st, old, errno)
			}
			if named, errno := lstatat(unix.AT_FDCWD, path); errno != 0 || st != named {
				t.Errorf("statx says %+v, fstatat %+v, %v", st, named, errno)
			}
			if again, _ := Fstat(fd); again.Mount != mount {
				t.Errorf("the mount is %d and then %d", mount, again.Mount)
			}
			unix.Close(fd)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, errno := Fstat(-1); errno != unix.EBADF {
		t.Errorf("of no descriptor: %v, want EBADF", errno)
	}
}

// Mounts that come after each other at one place are told apart.
func TestFstatMount(t *testing.T) {
	dir := t.TempDir()
	var before uint64
	for range 3 {
		if err := unix.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Skip("nothing can be mounted here: ", err)
		}
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		st, errno := Fstat(fd)
		unix.Close(fd)
		if err := unix.Unmount(dir, 0); err != nil {
			t.Fatal(err)
		}
		if st.Mount == 0 && errno == 0 {
			t.Skip("this kernel has no unique mount numbers (Linux 6.8)")
		}
		if errno != 0 || st.Mount == before {
			t.Errorf("two mounts have the number %d (%v)", st.Mount, errno)
		}
		before = st.Mount
	}
}

// FstatCached says what Fstat does, on every kind of file system at hand.
func TestFstatCached(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("content"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir, "/proc/self/status", "/dev/null", "/dev/shm"} {
		f, err := os.Open(path)
		if err != nil {
			t.Logf("%v: it is left out", err)
			continue
		}
		defer f.Close()
		want, errno := Fstat(int(f.Fd()))
		if errno != 0 {
			t.Fatal(errno)
		}
		if got, errno := FstatCached(int(f.Fd())); got != want || errno != 0 {
			t.Errorf("%s: %+v, %v, want %+v", path, got, errno, want)
		}
		fd := int(f.Fd())
		if n := testing.AllocsPerRun(10, func() { FstatCached(fd) }); n != 0 {
			t.Errorf("%v allocations, want 0", n)
		}
	}
	if _, errno := FstatCached(-1); errno != syscall.EBADF {
		t.Errorf("of no descriptor: %v, want EBADF", errno)
	}
}
