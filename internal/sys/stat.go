//go:build unix

package sys

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Stat is what stat(2) says of a file, as far as a server asks. Two of them
// are equal when nothing about the file has changed: its content cannot change
// without its Ctime, which no program can set. That does not hold without the Mount:
// one image of a file system may be mounted after another in which all else is
// the same.
type Stat struct {
	Dev, Ino     uint64
	Nlink        uint64 // names
	UID, GID     uint32
	Mode         uint32 // type and permissions
	Size         int64  // octets
	Mtime, Ctime Time   // last change of the content; of the content or anything else
	Mount        uint64 // on which it was opened, of all mounts since the system was started; 0: not known
}

// An Identity tells a file from all others that exist at the same time. Once a
// file is deleted and nobody has it open, another may get its identity.
type Identity struct{ Dev, Ino uint64 }

// Identity returns which file it is of.
func (s *Stat) Identity() Identity { return Identity{s.Dev, s.Ino} }

// A Time is a file's timestamp. Unlike nanoseconds in an int64 it holds any
// that a file system can.
type Time struct{ Sec, Nsec int64 }

// Time converts t.
func (t Time) Time() time.Time { return time.Unix(t.Sec, t.Nsec) }

// IsRegular reports whether it is a regular file.
func (s *Stat) IsRegular() bool { return s.Mode&unix.S_IFMT == unix.S_IFREG }

// IsDir reports whether it is a directory.
func (s *Stat) IsDir() bool { return s.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsSymlink reports whether it is a symbolic link.
func (s *Stat) IsSymlink() bool { return s.Mode&unix.S_IFMT == unix.S_IFLNK }

// fstat is fstat(2).
func fstat(fd int) (Stat, syscall.Errno) {
	return stat(func(raw *unix.Stat_t) error { return unix.Fstat(fd, raw) })
}

// lstatat is fstatat(2) without following a symbolic link.
func lstatat(dir int, name string) (Stat, syscall.Errno) {
	return stat(func(raw *unix.Stat_t) error {
		return unix.Fstatat(dir, name, raw, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// IdentityOf is the identity of what the path leads to (stat(2)).
func IdentityOf(path string) (Identity, syscall.Errno) {
	st, errno := stat(func(raw *unix.Stat_t) error { return unix.Stat(path, raw) })
	return st.Identity(), errno
}

// IsRemoved reports whether the open directory fd has been removed, so that no
// name leads to it any more.
func IsRemoved(fd int) bool {
	st, errno := Fstat(fd)
	return errno == 0 && isRemoved(fd, &st)
}

func isRemoved(fd int, st *Stat) bool {
	if st.Nlink != 0 {
		return false
	}
	// Some file systems behind FUSE count no links at all.
	path, errno := PathOf(fd)
	return errno != 0 || strings.HasSuffix(path, " (deleted)")
}

func stat(call func(*unix.Stat_t) error) (Stat, syscall.Errno) {
	var raw unix.Stat_t
	if errno := again(func() error { return call(&raw) }); errno != 0 {
		return Stat{}, errno
	}
	// The widths of these fields differ from system to system.
	return Stat{
		Dev:   uint64(raw.Dev),
		Ino:   uint64(raw.Ino),
		Nlink: uint64(raw.Nlink),
		UID:   raw.Uid,
		GID:   raw.Gid,
		Mode:  uint32(raw.Mode),
		Size:  raw.Size,
		Mtime: Time{int64(raw.Mtim.Sec), int64(raw.Mtim.Nsec)},
		Ctime: Time{int64(raw.Ctim.Sec), int64(raw.Ctim.Nsec)},
	}, 0
}

// Dup is dup(2) with close-on-exec from birth (F_DUPFD_CLOEXEC).
func Dup(fd int) (int, syscall.Errno) {
	var n int
	errno := again(func() (err error) {
		n, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if errno != 0 {
		return -1, errno
	}
	return n, 0
}

// again repeats a call that a signal interrupts.
func again(call func() error) syscall.Errno {
	for {
		err := call()
		if err == nil {
			return 0
		}
		// The calls of x/sys/unix fail with nothing but an errno.
		if errno := err.(syscall.Errno); errno != syscall.EINTR {
			return errno
		}
	}
}
