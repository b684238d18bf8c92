package sys

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

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

// FindBeneath finds path, relative to the directory dir, and fails with EXDEV
// where that would lead out of it. Symbolic links inside are followed. It takes
// no permission for the file itself and does nothing to it: the descriptor is
// one of O_PATH, for Fstat, OpenFound and as the dir of such calls. It is
// close-on-exec; the caller owns it.
//
// With cached it never waits: EAGAIN where it would have to ask a file system,
// EINVAL before Linux 5.12.
func FindBeneath(dir int, path string, cached bool) (int, syscall.Errno) {
	return find(dir, path, unix.O_PATH|unix.O_CLOEXEC, beneath, cached)
}

// FindEntry is FindBeneath for a single name in dir. A symbolic link is found
// itself, not what it leads to.
func FindEntry(dir int, name string, cached bool) (int, syscall.Errno) {
	return find(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, beneath, cached)
}

// OpenFound opens for reading what fd, of FindBeneath or FindEntry, stands for:
// this very file, whatever its name leads to now. It does not wait for another
// process to let a file go (EAGAIN where there is a lease, fcntl(2)), and no
// terminal becomes the controlling one. ENOENT without a /proc (proc(5),
// /proc/pid/fd); EACCES also where /proc belongs to another user.
//
// A FIFO must not be opened like this: its writer would take it for a reader.
func OpenFound(fd int) (int, syscall.Errno) {
	dir := procFD()
	if dir < 0 {
		return -1, unix.ENOENT
	}
	return openAgain(dir, strconv.Itoa(fd), openFlags)
}

// IdentityCached is the identity of what the path leads to, without ever
// waiting: EAGAIN where it would have to ask a file system, EINVAL before Linux
// 5.12, ENOSYS before 5.6.
func IdentityCached(path string) (Identity, syscall.Errno) {
	fd, errno := find(unix.AT_FDCWD, path, unix.O_PATH|unix.O_CLOEXEC, 0, true)
	if errno != 0 {
		return Identity{}, errno
	}
	defer unix.Close(fd)
	st, errno := FstatCached(fd)
	return st.Identity(), errno
}

// AncestorsCached is Ancestors without ever waiting: EAGAIN where it would have
// to ask a file system, EINVAL before Linux 5.12.
func AncestorsCached(dir int, visit func(Identity) (goOn bool)) syscall.Errno {
	switch st, errno := FstatCached(dir); {
	case errno != 0:
		return errno
	case isRemoved(dir, &st):
		return unix.ENOENT
	}
	at := -1 // the directory above the last one
	defer func() { unix.Close(at) }()
	return climb(func(depth int) (Identity, syscall.Errno) {
		if depth > 0 {
			from := at
			if from < 0 {
				from = dir
			}
			above, errno := find(from, "..", unix.O_PATH|unix.O_CLOEXEC, 0, true)
			if errno != 0 {
				return Identity{}, errno
			}
			unix.Close(at)
			at = above
			st, errno := FstatCached(at)
			return st.Identity(), errno
		}
		st, errno := FstatCached(dir)
		return st.Identity(), errno
	}, func() (Identity, syscall.Errno) { return IdentityCached("/") }, visit)
}

func find(dir int, path string, flags, resolve uint64, cached bool) (int, syscall.Errno) {
	how := unix.OpenHow{Flags: flags, Resolve: resolve}
	if !cached {
		return openResolved(dir, path, how)
	}
	how.Resolve |= resolveCached
	if flags&unix.O_PATH != 0 {
		return findCached(dir, path, &how)
	}
	fd, err := unix.Openat2(dir, path, &how)
	if err != nil {
		return -1, err.(syscall.Errno)
	}
	return fd, 0
}

// findCached is openat2(2) with RESOLVE_CACHED and O_PATH. The Go scheduler is not
// told of the call, which asks no file system, and for a short path nothing is
// allocated.
func findCached(dir int, path string, how *unix.OpenHow) (int, syscall.Errno) {
	var short [256]byte
	name := &short[0]
	switch {
	case strings.IndexByte(path, 0) >= 0:
		return -1, syscall.EINVAL
	case len(path) < len(short):
		copy(short[:], path)
	default:
		b := make([]byte, len(path)+1)
		copy(b, path)
		name = &b[0]
	}
	fd, _, errno := syscall.RawSyscall6(unix.SYS_OPENAT2, uintptr(dir), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(how)), unsafe.Sizeof(*how), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), 0
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
