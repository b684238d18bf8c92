package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenDirectory opens the directory path for no more than names in it to be
// resolved (O_PATH). That takes no permission for the directory itself. The
// descriptor is close-on-exec; the caller owns it. With cached it never waits:
// EAGAIN where it would have to ask a file system, EINVAL before Linux 5.12.
func OpenDirectory(path string, cached bool) (int, syscall.Errno) {
	return openDirectory(unix.AT_FDCWD, path, unix.RESOLVE_NO_MAGICLINKS, cached)
}

// OpenDirectoryBeneath is OpenDirectory within dir, by the rules of OpenBeneath.
func OpenDirectoryBeneath(dir int, path string, cached bool) (int, syscall.Errno) {
	return openDirectory(dir, path, beneath, cached)
}

func openDirectory(dir int, path string, resolve uint64, cached bool) (int, syscall.Errno) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: resolve}
	if !cached {
		return openResolved(dir, path, how)
	}
	how.Resolve |= resolveCached
	fd, err := unix.Openat2(dir, path, &how)
	if err != nil {
		return -1, err.(syscall.Errno)
	}
	return fd, 0
}
