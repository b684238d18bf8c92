package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// UnnamedFile opens a new file in dir that has no name and never gets one
// (open(2), O_TMPFILE). It is readable and writable, and gone with its last
// descriptor. EOPNOTSUPP is a file system without such files, EISDIR a kernel.
func UnnamedFile(dir string) (int, syscall.Errno) {
	return newDescriptor(func() (int, error) {
		return unix.Open(dir, unix.O_TMPFILE|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
}

// MemoryFile makes a file that lies in memory alone (memfd_create(2)). The name
// is for /proc. It may be sealed by SealFile and cannot be executed, where the
// kernel knows the difference (Linux 6.3).
func MemoryFile(name string) (int, syscall.Errno) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, errno := newDescriptor(func() (int, error) { return unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL) })
	if errno == syscall.EINVAL {
		fd, errno = newDescriptor(func() (int, error) { return unix.MemfdCreate(name, flags) })
	}
	return fd, errno
}

// SealFile makes a file of MemoryFile one that nobody can change any more
// (fcntl(2), F_ADD_SEALS).
func SealFile(fd int) syscall.Errno {
	return again(func() error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
			unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_SEAL)
		return err
	})
}

// newDescriptor returns what call opens, -1 when it fails.
func newDescriptor(call func() (int, error)) (int, syscall.Errno) {
	fd := -1
	errno := again(func() (err error) {
		fd, err = call()
		return err
	})
	return fd, errno
}
