package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

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

func TestFindBeneath(t *testing.T) {
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
		for _, cached := range []bool{false, true} {
			fd, errno := FindBeneath(dir, test.path, cached)
			if errno == 0 {
				wantFound(t, fd)
				unix.Close(fd)
			}
			// EAGAIN: it is not in memory. EINVAL: the kernel cannot tell.
			if errno != test.want && !(cached && (errno == unix.EAGAIN || errno == unix.EINVAL)) {
				t.Errorf("FindBeneath(%q, %v) = %v, want %v", test.path, cached, errno, test.want)
			}
		}
	}
}

// wantFound fails unless fd is a descriptor of O_PATH that no child gets.
func wantFound(t *testing.T, fd int) {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	owned, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.O_PATH == 0 || owned&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %x and %x, %v", flags, owned, err)
	}
}

// statBeneath is stat(2) within dir.
func statBeneath(t *testing.T, dir int, path string) Stat {
	t.Helper()
	fd, errno := FindBeneath(dir, path, false)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	st, errno := Fstat(fd)
	if errno != 0 {
		t.Fatal(errno)
	}
	return st
}

// What was just looked at is in memory, and both ways to look see the same.
func TestFindCached(t *testing.T) {
	dir, path := inside(t)
	st := statBeneath(t, dir, "file")
	fd, errno := FindBeneath(dir, "file", true)
	if errno == unix.EINVAL {
		t.Skip("this kernel cannot: RESOLVE_CACHED needs Linux 5.12")
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	if now, errno := FstatCached(fd); errno != 0 || now != st {
		t.Errorf("FstatCached(file) = %v, %v, want %v", now, errno, st)
	}
	if id, errno := IdentityCached(path + "/file"); errno != 0 || id != st.Identity() {
		t.Errorf("IdentityCached(file) = %v, %v, want %v", id, errno, st.Identity())
	}
	if id, errno := IdentityOf(path + "/link"); errno != 0 || id != st.Identity() {
		t.Errorf("IdentityOf(link) = %v, %v, want %v", id, errno, st.Identity())
	}
	if _, errno := IdentityCached(path + "/nothing"); errno != unix.ENOENT && errno != unix.EAGAIN {
		t.Errorf("IdentityCached(nothing): %v", errno)
	}
}

// A link is found itself, and nothing beyond the directory.
func TestFindEntry(t *testing.T) {
	dir, _ := inside(t)
	for name, want := range map[string]syscall.Errno{"file": 0, "link": 0, "out": 0, "magic": 0, "fifo": 0, ".": 0, "..": unix.EXDEV, "nothing": unix.ENOENT} {
		fd, errno := FindEntry(dir, name, false)
		if errno != want {
			t.Errorf("FindEntry(%s): %v, want %v", name, errno, want)
		}
		if errno != 0 {
			continue
		}
		wantFound(t, fd)
		st, errno := Fstat(fd)
		if listed, _ := Lstatat(dir, name); errno != 0 || st.Identity() != listed.Identity() || st.Mode != listed.Mode {
			t.Errorf("FindEntry(%s) is %v, want %v", name, st, listed)
		}
		unix.Close(fd)
	}
}

// It is the file that was found that is opened, whatever has its name by now.
func TestOpenFound(t *testing.T) {
	dir, path := inside(t)
	fd, errno := FindBeneath(dir, "link", false)
	if errno != 0 {
		t.Fatal(errno)
	}
	defer unix.Close(fd)
	for _, err := range []error{os.Rename(path+"/file", path+"/moved"), os.WriteFile(path+"/file", []byte("other"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	opened, errno := OpenFound(fd)
	if errno == unix.ENOENT {
		t.Skip("no /proc here")
	}
	if errno != 0 {
		t.Fatal(errno)
	}
	f := os.NewFile(uintptr(opened), "found")
	defer f.Close()
	b := make([]byte, 10)
	if n, _ := f.Read(b); string(b[:n]) != "content" {
		t.Errorf("%q", b[:n])
	}
	if _, errno := OpenFound(-1); errno != unix.ENOENT {
		t.Errorf("OpenFound(-1): %v", errno)
	}
}

func TestStat(t *testing.T) {
	dir, path := inside(t)
	var want unix.Stat_t
	if err := unix.Stat(path+"/file", &want); err != nil {
		t.Fatal(err)
	}
	file := statBeneath(t, dir, "link")
	if file.Ino != want.Ino || file.Size != 7 || !file.IsRegular() || file.IsDir() || file.IsSymlink() {
		t.Errorf("link is %+v, want the file %d", file, want.Ino)
	}
	if got := file.Mtime; got != (Time{int64(want.Mtim.Sec), int64(want.Mtim.Nsec)}) || got.Time().UnixNano() != want.Mtim.Nano() {
		t.Errorf("Mtime %v, want %v", got, want.Mtim)
	}
	if link, errno := Lstatat(dir, "link"); errno != 0 || !link.IsSymlink() || link.IsRegular() {
		t.Errorf("Lstatat(link) = %+v, %v", link, errno)
	}
	if sub := statBeneath(t, dir, "sub"); !sub.IsDir() {
		t.Errorf("sub is %+v", sub)
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

// /proc answers from no disk, but by running code that may take its time. What is
// known of a mount is known without asking again.
func TestIsLocal(t *testing.T) {
	for path, want := range map[string]bool{"/proc": false, "/dev/shm": true} {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Log(err)
			continue
		}
		st, errno := Fstat(fd)
		if errno != 0 {
			t.Fatal(errno)
		}
		for range 2 {
			if got := IsLocal(fd, &st); got != want {
				t.Errorf("IsLocal of %s is %v, want %v", path, got, want)
			}
			if got := StampsChanges(fd, &st); got != want {
				t.Errorf("StampsChanges of %s is %v, want %v", path, got, want)
			}
		}
		if got := IsLocalCached(&st); got != want {
			t.Errorf("IsLocalCached of %s is %v, want %v", path, got, want)
		}
		unix.Close(fd)
	}
	if IsLocal(-1, &Stat{Dev: 1<<64 - 1}) {
		t.Error("what is not open is local")
	}
}

// A device without the number of a mount is another file system's after a while.
func TestMountTable(t *testing.T) {
	table := mountTable{known: make(map[mountOrDevice]mountKind)}
	numbered, device, start := &Stat{Mount: 7, Dev: 1}, &Stat{Dev: 1}, time.Unix(1, 0)
	table.learn(numbered, mountKind{local: true}, start)
	table.learn(device, mountKind{stamps: true}, start)
	for _, test := range []struct {
		st            *Stat
		after         time.Duration
		local, stamps bool
	}{
		{numbered, 0, true, false},
		{numbered, 1000 * time.Hour, true, false},
		{device, deviceTime - 1, false, true},
		{device, deviceTime, false, false},
		{&Stat{Mount: 8, Dev: 1}, 0, false, false},
	} {
		if kind, _ := table.find(test.st, start.Add(test.after)); kind.local != test.local || kind.stamps != test.stamps {
			t.Errorf("%+v after %v: %+v", test.st, test.after, kind)
		}
	}
}
