package sys

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// statxMountID is STATX_MNT_ID_UNIQUE (Linux 6.8): the number of a mount that no
// other has until the system is started again. That of STATX_MNT_ID is the next
// one's as soon as its mount is gone.
const statxMountID = 0x4000

// noStatx is set once statx(2) was refused: by a kernel before Linux 4.11, or by a
// sandbox that does not know the call.
var noStatx atomic.Bool

// TellsLocal: IsLocal knows more than nothing.
const TellsLocal = true

// Fstat is fstat(2), and says which mount the file was opened on (statx(2)).
func Fstat(fd int) (Stat, syscall.Errno) { return statx(fd, unix.AT_STATX_SYNC_AS_STAT) }

// FstatCached is Fstat without asking another machine or process, as NFS and
// FUSE do: it says what the kernel knows by now (AT_STATX_DONT_SYNC). It
// allocates nothing. Where a sandbox lacks statx(2) it is Fstat.
func FstatCached(fd int) (Stat, syscall.Errno) { return statx(fd, unix.AT_STATX_DONT_SYNC) }

// Lstatat says what stands under a name in an open directory, without following
// a symbolic link. Of the root of a mount, which is not asked for by name, it says
// what the kernel knows by now, so that it waits for no file system but that of the
// directory. Where a sandbox lacks statx(2) it may.
func Lstatat(dir int, name string) (Stat, syscall.Errno) {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return Stat{}, syscall.EINVAL
	}
	st, errno := statxAt(dir, path, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT|unix.AT_STATX_DONT_SYNC)
	if errno == syscall.ENOSYS {
		return lstatat(dir, name)
	}
	return st, errno
}

func statx(fd int, sync uintptr) (Stat, syscall.Errno) {
	var path byte // "": the file is fd itself
	st, errno := statxAt(fd, &path, unix.AT_EMPTY_PATH|sync)
	if errno == syscall.ENOSYS {
		return fstat(fd)
	}
	return st, errno
}

// statxAt is statx(2); ENOSYS where it is refused.
func statxAt(dir int, path *byte, flags uintptr) (Stat, syscall.Errno) {
	if noStatx.Load() {
		return Stat{}, syscall.ENOSYS
	}
	var raw unix.Statx_t
	for {
		_, _, errno := syscall.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(path)), flags,
			unix.STATX_BASIC_STATS|statxMountID, uintptr(unsafe.Pointer(&raw)), 0)
		switch errno {
		case 0:
			return fromStatx(&raw), 0
		case syscall.EINTR:
		case syscall.ENOSYS, syscall.EPERM:
			noStatx.Store(true)
			return Stat{}, syscall.ENOSYS
		default:
			return Stat{}, errno
		}
	}
}

func fromStatx(raw *unix.Statx_t) Stat {
	st := Stat{
		Dev:   unix.Mkdev(raw.Dev_major, raw.Dev_minor),
		Ino:   raw.Ino,
		Nlink: uint64(raw.Nlink),
		UID:   raw.Uid,
		GID:   raw.Gid,
		Mode:  uint32(raw.Mode),
		Size:  int64(raw.Size),
		Mtime: Time{raw.Mtime.Sec, int64(raw.Mtime.Nsec)},
		Ctime: Time{raw.Ctime.Sec, int64(raw.Ctime.Nsec)},
	}
	if raw.Mask&statxMountID != 0 {
		st.Mount = raw.Mnt_id
	}
	return st
}
