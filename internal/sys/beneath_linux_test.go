package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inside opens a directory that holds a file, a FIFO and links, and is not the
// only thing in its parent.
func inside(t *testing.T) (dir int, path string) {
	t.Helper()
	if err := BeneathSupported(); err != nil {
		t.Skip("this kernel cannot: ", err)
	}
	path = filepath.Join(t.TempDir(), "inside")
	for _, err := range []error{
		os.MkdirAll(path+"/sub", 0o755),
		os.WriteFile(path+"/file", []byte("content"), 0o644),
		os.WriteFile(path+"/../outside", nil, 0o644),
		os.Symlink("file", path+"/link"),
		os.Symlink("../outside", path+"/out"),
		os.Symlink("/proc/self/root", path+"/magic"),
		syscall.Mkfifo(path+"/fifo", 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(dir) })
	return dir, path
}

func TestOpenBeneath(t *testing.T) {
	dir, path := inside(t)
	for _, test := range []struct {
		path string
		want syscall.Errno
	}{
		{"file", 0},
		{"link", 0},
		{"sub/../file", 0},
		{".", 0},
		{"fifo", 0},
		{"", unix.ENOENT},
		{"nothing", unix.ENOENT},
		{"file/x", unix.ENOTDIR},
		{"out", unix.EXDEV},
		{"..", unix.EXDEV},
		{"../inside/file", unix.EXDEV},
		{"sub/../../outside", unix.EXDEV},
		{"magic", unix.EXDEV},
		{path + "/file", unix.EXDEV},
		{"file\x00", unix.EINVAL},
	} {
		fd, errno := OpenBeneath(dir, test.path)
		if errno == 0 {
			flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("OpenBeneath(%q): not close-on-exec", test.path)
			}
			unix.Close(fd)
		}
		if errno != test.want {
			t.Errorf("OpenBeneath(%q) = %v, want %v", test.path, errno, test.want)
		}
		st, errno := StatBeneath(dir, test.path)
		if errno != test.want {
			t.Errorf("StatBeneath(%q) = %v, want %v", test.path, errno, test.want)
		}
		// EAGAIN: it is not in memory. EINVAL: the kernel cannot tell.
		if now, errno := StatCached(dir, test.path); errno != unix.EAGAIN && errno != unix.EINVAL && (errno != test.want || now != st) {
			t.Errorf("StatCached(%q) = %v, %v, want %v, %v", test.path, now, errno, st, test.want)
		}
	}
}

// What was just looked at is in memory.
func TestStatCached(t *testing.T) {
	dir, _ := inside(t)
	st, errno := StatBeneath(dir, "file")
	if errno != 0 {
		t.Fatal(errno)
	}
	switch now, errno := StatCached(dir, "file"); {
	case errno == unix.EINVAL:
		t.Skip("this kernel cannot: RESOLVE_CACHED needs Linux 5.12")
	case errno != 0 || now != st:
		t.Errorf("StatCached(file) = %v, %v, want %v", now, errno, st)
	}
}

func TestStat(t *testing.T) {
	dir, path := inside(t)
	var want unix.Stat_t
	if err := unix.Stat(path+"/file", &want); err != nil {
		t.Fatal(err)
	}
	file, errno := StatBeneath(dir, "link")
	if errno != 0 || file.Ino != want.Ino || file.Size != 7 || !file.IsRegular() || file.IsDir() || file.IsSymlink() {
		t.Errorf("StatBeneath(link) = %+v, %v, want the file %d", file, errno, want.Ino)
	}
	if got := file.Mtime; got != (Time{int64(want.Mtim.Sec), int64(want.Mtim.Nsec)}) || got.Time().UnixNano() != want.Mtim.Nano() {
		t.Errorf("Mtime %v, want %v", got, want.Mtim)
	}
	if link, errno := Lstatat(dir, "link"); errno != 0 || !link.IsSymlink() || link.IsRegular() {
		t.Errorf("Lstatat(link) = %+v, %v", link, errno)
	}
	if sub, errno := StatBeneath(dir, "sub"); errno != 0 || !sub.IsDir() {
		t.Errorf("StatBeneath(sub) = %+v, %v", sub, errno)
	}
	if _, errno := Lstatat(dir, "nothing"); errno != unix.ENOENT {
		t.Errorf("Lstatat(nothing): %v, want ENOENT", errno)
	}
	if _, errno := Fstat(-1); errno != unix.EBADF {
		t.Errorf("Fstat(-1): %v, want EBADF", errno)
	}
}

func TestDup(t *testing.T) {
	dir, _ := inside(t)
	fd, errno := Dup(dir)
	if errno != 0 || fd == dir {
		t.Fatalf("Dup(%d) = %d, %v", dir, fd, errno)
	}
	defer unix.Close(fd)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the duplicate is not close-on-exec: %v", err)
	}
	if _, errno := Dup(-1); errno != unix.EBADF {
		t.Errorf("Dup(-1): %v, want EBADF", errno)
	}
}

// /proc answers from no disk, but by running code that may take its time.
func TestIsLocal(t *testing.T) {
	for path, want := range map[string]bool{"/proc": false, "/dev/shm": true} {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Log(err)
			continue
		}
		if got := IsLocal(fd); got != want {
			t.Errorf("IsLocal of %s is %v, want %v", path, got, want)
		}
		unix.Close(fd)
	}
	if IsLocal(-1) {
		t.Error("what is not open is local")
	}
}
