package pipe

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// Mkfifo makes a FIFO, a pipe with a name in the file system (mkfifo(3)). The
// umask takes its bits from perm. The file is for meeting only, it holds no
// bytes, and stays until somebody unlinks it. EEXIST when the name is taken.
func Mkfifo(path string, perm uint32) error {
	if err := unix.Mkfifo(path, perm); err != nil {
		return fmt.Errorf("make the FIFO %s: %w", path, os.NewSyscallError("mkfifo", err))
	}
	return nil
}

// OpenReader opens a FIFO to read from (open(2), fifo(7)). It waits until
// somebody opens it to write; nothing else ends the wait. With O_NONBLOCK it
// opens at once, and Read returns 0 until the first writer comes.
//
// What is no FIFO is opened, found out and closed again. On error nothing stays
// open.
func OpenReader(path string, flags Flags) (*ipc.FD, error) {
	fd, err := openFIFO(path, unix.O_RDONLY|int(flags))
	if err != nil {
		return nil, fmt.Errorf("open %s to read: %w", path, err)
	}
	return fd, nil
}

// OpenWriter opens a FIFO to write to. It waits until somebody opens it to read;
// with O_NONBLOCK it is ENXIO instead when nobody has. The rest is as for
// OpenReader.
func OpenWriter(path string, flags Flags) (*ipc.FD, error) {
	fd, err := openFIFO(path, unix.O_WRONLY|int(flags))
	if errors.Is(err, unix.ENXIO) {
		err = fmt.Errorf("%w: nobody has it open to read", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s to write: %w", path, err)
	}
	return fd, nil
}

// OpenBoth opens a FIFO to read and to write. It never waits, and Read never
// finds the end, for there is a writer: a server whose clients come and go does
// not have to open it again. POSIX leaves that open; Linux and the BSDs have it.
func OpenBoth(path string, flags Flags) (*ipc.FD, error) {
	fd, err := openFIFO(path, unix.O_RDWR|int(flags))
	if err != nil {
		return nil, fmt.Errorf("open %s to read and write: %w", path, err)
	}
	return fd, nil
}

func openFIFO(path string, mode int) (_ *ipc.FD, err error) {
	n := -1
	for {
		// O_NOCTTY is for a terminal planted under the name.
		if n, err = unix.Open(path, mode|unix.O_CLOEXEC|unix.O_NOCTTY, 0); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	fd := ipc.NewFD(n)
	defer func() {
		if err != nil {
			fd.Close()
		}
	}()
	var st unix.Stat_t
	if err := unix.Fstat(n, &st); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return nil, fmt.Errorf("%w: it is no FIFO", unix.EINVAL)
	}
	return fd, nil
}
