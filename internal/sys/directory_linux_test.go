package sys

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenDirectory(t *testing.T) {
	dir, path := inside(t)
	for _, err := range []error{os.Symlink("sub", path+"/to-sub"), os.Symlink("..", path+"/up"), os.Chmod(path+"/sub", 0)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(path+"/sub", 0o755) })
	for _, test := range []struct {
		name          string
		plain, within syscall.Errno
	}{
		{".", 0, 0},
		{"sub", 0, 0}, // it takes no permission for itself
		{"to-sub", 0, 0},
		{"up", 0, unix.EXDEV},
		{"..", 0, unix.EXDEV},
		{"file", unix.ENOTDIR, unix.ENOTDIR},
		{"fifo", unix.ENOTDIR, unix.ENOTDIR},
		{"nothing", unix.ENOENT, unix.ENOENT},
		{"magic", unix.ELOOP, unix.EXDEV},
	} {
		for _, cached := range []bool{false, true} {
			for call, want := range map[string]syscall.Errno{"OpenDirectory": test.plain, "OpenDirectoryBeneath": test.within} {
				fd, errno := OpenDirectory(path+"/"+test.name, cached)
				if call == "OpenDirectoryBeneath" {
					unix.Close(fd)
					fd, errno = OpenDirectoryBeneath(dir, test.name, cached)
				}
				// EAGAIN: it is not in memory. EINVAL: the kernel cannot tell.
				if errno != want && !(cached && (errno == unix.EAGAIN || errno == unix.EINVAL)) {
					t.Errorf("%s(%s, %v): %v, want %v", call, test.name, cached, errno, want)
				}
				if errno != 0 {
					continue
				}
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				owned, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if err != nil || flags&unix.O_PATH == 0 || owned&unix.FD_CLOEXEC == 0 {
					t.Errorf("%s(%s): flags %x and %x, %v", call, test.name, flags, owned, err)
				}
				unix.Close(fd)
			}
		}
	}
}

func TestReadlinkat(t *testing.T) {
	dir, path := inside(t)
	long := strings.Repeat("l", 4095)
	if err := os.Symlink(long, path+"/long"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, want string
		errno      syscall.Errno
	}{
		{"link", "file", 0},
		{"out", "../outside", 0},
		{"long", long, 0},
		{"file", "", unix.EINVAL},
		{"nothing", "", unix.ENOENT},
	} {
		if got, errno := Readlinkat(dir, test.name); got != test.want || errno != test.errno {
			t.Errorf("Readlinkat(%s) = %.20q, %v, want %.20q, %v", test.name, got, errno, test.want, test.errno)
		}
	}
}
