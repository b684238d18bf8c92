package sock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc/addr"
)

// A socket file outlives its socket when the server is killed, and bind(2) then
// fails with EADDRINUSE, as it does when the server lives. Which of the two it
// is, connecting a datagram socket tells without a trace in the server, whatever
// type that has: ECONNREFUSED when no socket is bound to the file, EPROTOTYPE
// (or success) when one is, even before it listens.
//
// Two starters that find a stale file at the same time must not each remove it,
// for the second would remove the first one's new file. So the file is found
// stale, removed and bound anew under a lock, that of the file PATH.takeover,
// which is there only for that long. Binding to a free path takes no lock: bind(2) is atomic,
// and from then on the file is a living one. A program that removes paths
// without asking is not kept from it by any of this.

// A socketFile is a file that bind(2) made, known again by device and inode.
// The zero value is none.
type socketFile struct {
	path string // absolute, for a process that changes its directory
	dev  uint64
	ino  uint64
}

// bindFile binds the socket to a and returns the file that this made, if any.
// On error it leaves none.
func bindFile(fd int, a addr.Addr, opt fileOptions) (socketFile, error) {
	path := a.Path()
	if path == "" {
		return socketFile{}, bind(fd, a)
	}
	opt.before(fd)
	err := bind(fd, a)
	if errors.Is(err, unix.EADDRINUSE) {
		err = takeOver(path, func() error { return bind(fd, a) })
	}
	if err != nil {
		return socketFile{}, err
	}
	file := socketFile{path: path}
	if absolute, err := filepath.Abs(path); err == nil {
		file.path = absolute
	}
	if file.dev, file.ino, _, err = identify(file.path); err != nil {
		return socketFile{}, fmt.Errorf("the socket file is gone again: %w", err)
	}
	if err := opt.after(file); err != nil {
		file.remove()
		return socketFile{}, err
	}
	return file, nil
}

// stands reports whether the path still names the file that bind made.
func (f socketFile) stands() bool {
	dev, ino, _, err := identify(f.path)
	return err == nil && dev == f.dev && ino == f.ino
}

// remove unlinks the file if it is still the one that bind made.
func (f socketFile) remove() error {
	if f.path == "" {
		return nil
	}
	if !f.stands() {
		return nil // gone, or another's
	}
	if err := unix.Unlink(f.path); err != nil && err != unix.ENOENT {
		return fmt.Errorf("remove socket file %s: %w", f.path, os.NewSyscallError("unlink", err))
	}
	return nil
}

// identify returns what tells the file from all others, and whether it is a
// socket. A symbolic link is a file of its own.
func identify(path string) (dev, ino uint64, isSocket bool, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, false, os.NewSyscallError("lstat", err)
	}
	return uint64(st.Dev), uint64(st.Ino), st.Mode&unix.S_IFMT == unix.S_IFSOCK, nil
}

// takeOver removes the file at path if it is a socket that nobody has bound, and
// binds anew. Else it says who is in the way: EADDRINUSE.
func takeOver(path string, bind func() error) error {
	if err := checkStale(path); err != nil {
		return err
	}
	unlock, err := lockPath(path)
	if err != nil {
		return fmt.Errorf("take over from a dead server: %w", err)
	}
	defer unlock()
	// Another starter may have taken over before the lock was ours.
	if err := checkStale(path); err != nil {
		return err
	}
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		return fmt.Errorf("take over from a dead server: %w", os.NewSyscallError("unlink", err))
	}
	return bind()
}

// checkStale returns nil when path is a socket that nobody has bound, or is not
// there any more, and otherwise why it is in use.
func checkStale(path string) error {
	inUse := os.NewSyscallError("bind", unix.EADDRINUSE)
	_, _, isSocket, err := identify(path)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case !isSocket:
		return fmt.Errorf("%w: the file there is no socket", inUse)
	}
	probe, err := socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(probe)
	a, err := addr.Path(addr.UnixDatagram, path)
	if err != nil {
		return err
	}
	err = connect(probe, a)
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return nil
	case err == nil, errors.Is(err, unix.EPROTOTYPE):
		return fmt.Errorf("%w: a process has that socket open", inUse)
	}
	// As EACCES, or EPERM of a datagram socket that talks to one peer alone.
	return fmt.Errorf("%w: whether a process has that socket open cannot be told: %v", inUse, err)
}

// lockWait bounds how long a starter waits for another that is taking over the
// same path, which takes some five system calls: one that was stopped in them
// shall not stop the others for ever.
const lockWait = time.Second

// lockPath makes the caller the only one that takes over path. Unlock ends that
// and removes the lock file.
func lockPath(path string) (unlock func(), err error) {
	name := path + ".takeover"
	for deadline := time.Now().Add(lockWait); ; time.Sleep(time.Millisecond) {
		fd, err := openLock(name)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		if fd >= 0 {
			return func() {
				// Who waits for the lock notices that its file is gone.
				unix.Unlink(name)
				unix.Close(fd)
			}, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: another process holds %s", os.NewSyscallError("bind", unix.EADDRINUSE), name)
		}
	}
}

// openLock opens and locks the file, which a starter that was killed may have
// left. It returns -1 when another process has the lock.
func openLock(name string) (int, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := unix.Open(name, flags, 0o600)
	switch {
	case err == unix.EINTR:
		return -1, nil
	case err != nil:
		return -1, os.NewSyscallError("open", err)
	}
	if ours, err := claim(fd, name); !ours {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// claim locks the open file (flock(2)) and reports whether that is the lock of
// name: nobody else has it, and the file is still the one with that name.
func claim(fd int, name string) (bool, error) {
	switch err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); {
	case err == unix.EWOULDBLOCK, err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, os.NewSyscallError("flock", err)
	}
	var own unix.Stat_t
	if err := unix.Fstat(fd, &own); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	// The one before may have removed the file since it was opened here.
	dev, ino, _, err := identify(name)
	if err != nil || uint64(own.Dev) != dev || uint64(own.Ino) != ino {
		return false, nil
	}
	if own.Mode&unix.S_IFMT != unix.S_IFREG || own.Size > 0 {
		// Removing it at the end could be somebody's loss.
		return false, errors.New("the file is not one that a starter has made")
	}
	return true, nil
}
