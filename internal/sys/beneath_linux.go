package sys

import (
	"fmt"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// beneath lets no path leave its directory, whether by "..", by a symbolic link
// or by a link of /proc that jumps (openat2(2)).
const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS

// resolveCached is RESOLVE_CACHED (Linux 5.12), which x/sys does not name.
const resolveCached = 0x20

// BeneathSupported returns nil when the kernel opens paths beneath a directory
// (openat2(2), Linux 5.6), or else the reason why it does not: ENOSYS from an
// older kernel, EPERM from a sandbox that does not know the call.
var BeneathSupported = sync.OnceValue(func() error {
	// An absolute path is the shortest one that must be refused.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: beneath}
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &how)
	if err == unix.EXDEV {
		return nil
	}
	if err == nil {
		unix.Close(fd)
		return fmt.Errorf("openat2: RESOLVE_BENEATH does not hold")
	}
	return fmt.Errorf("openat2: %w", err)
})

// OpenBeneath opens path for reading, relative to the directory dir, and fails
// with EXDEV where that would lead out of it. Symbolic links inside are
// followed. It may wait for the disk, but for no other process: a FIFO opens
// at once, a terminal does not become the controlling one. The descriptor is
// close-on-exec; the caller owns it.
func OpenBeneath(dir int, path string) (int, syscall.Errno) {
	return openBeneath(dir, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_LARGEFILE)
}

// StatBeneath is stat(2) within dir, by the rules of OpenBeneath. It needs no
// permission for the file itself and does not open it.
func StatBeneath(dir int, path string) (Stat, syscall.Errno) {
	fd, errno := openBeneath(dir, path, unix.O_PATH|unix.O_CLOEXEC)
	if errno != 0 {
		return Stat{}, errno
	}
	defer unix.Close(fd)
	return Fstat(fd)
}

// StatCached is StatBeneath as far as the kernel's memory goes: EAGAIN where it
// would have to ask the file system, EINVAL before Linux 5.12.
func StatCached(dir int, path string) (Stat, syscall.Errno) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: beneath | resolveCached}
	fd, err := unix.Openat2(dir, path, &how)
	if err != nil {
		return Stat{}, err.(syscall.Errno)
	}
	defer unix.Close(fd)
	return Fstat(fd)
}

func openBeneath(dir int, path string, flags uint64) (int, syscall.Errno) {
	return openResolved(dir, path, unix.OpenHow{Flags: flags, Resolve: beneath})
}

func openResolved(dir int, path string, how unix.OpenHow) (int, syscall.Errno) {
	// EAGAIN: a rename somewhere while a ".." of a link was followed, so that
	// the kernel cannot vouch for it. One who renames without end gets the
	// EAGAIN, as does a file under a lease (fcntl(2), F_SETLEASE).
	for tries := 0; ; {
		fd, err := unix.Openat2(dir, path, &how)
		switch {
		case err == nil:
			return fd, 0
		case err == unix.EAGAIN && tries < 16:
			tries++
		case err != unix.EINTR:
			return -1, err.(syscall.Errno)
		}
	}
}

// local are the file systems that answer fstat(2) from the kernel's memory
// without asking another machine or process (the magic numbers of statfs(2)).
// A kind that is not here only costs speed.
var local = map[uint32]bool{
	unix.BTRFS_SUPER_MAGIC:     true,
	unix.EROFS_SUPER_MAGIC_V1:  true,
	unix.EXFAT_SUPER_MAGIC:     true,
	unix.EXT4_SUPER_MAGIC:      true, // ext2 and ext3 as well
	unix.F2FS_SUPER_MAGIC:      true,
	unix.ISOFS_SUPER_MAGIC:     true,
	unix.MSDOS_SUPER_MAGIC:     true,
	unix.NILFS_SUPER_MAGIC:     true,
	unix.OVERLAYFS_SUPER_MAGIC: true,
	unix.RAMFS_MAGIC:           true,
	unix.SQUASHFS_MAGIC:        true,
	unix.TMPFS_MAGIC:           true,
	unix.UDF_SUPER_MAGIC:       true,
	unix.XFS_SUPER_MAGIC:       true,
	0x2fc12fc1:                 true, // ZFS
	0xca451a4e:                 true, // bcachefs
}

// IsLocal reports whether the open file's attributes are known without asking
// another machine or process, as NFS and FUSE do. It may wait for them itself.
func IsLocal(fd int) bool {
	var st unix.Statfs_t
	return again(func() error { return unix.Fstatfs(fd, &st) }) == 0 && local[uint32(st.Type)]
}
