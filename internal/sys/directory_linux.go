package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const directory = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// OpenDirectory opens the directory path for no more than names in it to be
// resolved (O_PATH). That takes no permission for the directory itself. The
// descriptor is close-on-exec; the caller owns it. With cached it never waits:
// EAGAIN where it would have to ask a file system, EINVAL before Linux 5.12.
func OpenDirectory(path string, cached bool) (int, syscall.Errno) {
	return find(unix.AT_FDCWD, path, directory, unix.RESOLVE_NO_MAGICLINKS, cached)
}

// OpenDirectoryBeneath is OpenDirectory within dir, by the rules of FindBeneath.
func OpenDirectoryBeneath(dir int, path string, cached bool) (int, syscall.Errno) {
	return find(dir, path, directory, beneath, cached)
}

// Hold opens whatever the path leads to, for no other file to get its identity
// while it is open (O_PATH). It takes no permission for the file itself. The
// descriptor is close-on-exec; the caller owns it.
func Hold(path string) (Identity, int, syscall.Errno) {
	fd, errno := openAgain(unix.AT_FDCWD, path, unix.O_PATH|unix.O_CLOEXEC)
	if errno != 0 {
		return Identity{}, -1, errno
	}
	st, errno := Fstat(fd)
	if errno != 0 {
		unix.Close(fd)
		return Identity{}, -1, errno
	}
	return st.Identity(), fd, 0
}
