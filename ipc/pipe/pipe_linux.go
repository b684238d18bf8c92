package pipe

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// PIPE_BUF is how many bytes a write may have to be atomic (pipe(7)).
const PIPE_BUF = 4096

// O_DIRECT makes a pipe that keeps packets apart; see New.
const O_DIRECT Flags = unix.O_DIRECT

const fionread = unix.TIOCINQ // FIONREAD's other name

func pipe2(flags Flags) (ends [2]int, err error) {
	err = unix.Pipe2(ends[:], int(flags)|unix.O_CLOEXEC)
	return ends, os.NewSyscallError("pipe2", err)
}

// Reopen opens the end fd of a pipe or FIFO once more, to read or to write as fd
// does (proc(5), /proc/[pid]/fd), and returns the new descriptor, which the caller
// owns. fd stays as it is.
//
// Other than a duplicate the new one has flags of its own: a program makes its
// standard input not wait without doing so to the shell that gave it, or keeps
// two of an end, one to try and one to wait with. It counts as a reader or a writer:
// the other side sees the end when both are closed.
//
// It keeps packets apart (see New) if fd does, or if flags say so.
//
// To open a FIFO waits as OpenReader and OpenWriter do. Errors wrap the errno:
// EINVAL for what is no pipe; ENXIO for a socket, and for a FIFO that nobody reads;
// EACCES for a pipe that another user has made; ENOENT where /proc is not mounted.
// Elsewhere than on Linux it is errors.ErrUnsupported.
func Reopen(fd *ipc.FD, flags Flags) (*ipc.FD, error) {
	mode, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFL, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s once more: %w", fd, os.NewSyscallError("fcntl", err))
	}
	packets := O_DIRECT & (Flags(mode) | flags)
	// A thread may have descriptors of its own, so not /proc/self.
	again, err := openFIFO(fmt.Sprintf("/proc/thread-self/fd/%d", fd.Number()), mode&unix.O_ACCMODE|int(flags&^O_DIRECT))
	if err != nil {
		return nil, fmt.Errorf("open %s once more: %w", fd, err)
	}
	if packets != 0 { // which open(2) refuses
		if _, err := unix.FcntlInt(uintptr(again.Number()), unix.F_SETFL, int(flags|packets)); err != nil {
			again.Close()
			return nil, fmt.Errorf("open %s once more: %w", fd, os.NewSyscallError("fcntl", err))
		}
	}
	return again, nil
}

// Capacity returns how many bytes the pipe holds at most (F_GETPIPE_SZ, Linux
// 2.6.35): 65,536 unless somebody changed it or the user has too much in pipes.
// Small writes fill it with less, for they share pages only one after the other.
func Capacity(fd *ipc.FD) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return 0, fmt.Errorf("capacity of %s: %w", fd, ofPipe("fcntl", err))
	}
	return n, nil
}

// SetCapacity asks for room for n bytes (F_SETPIPE_SZ) and returns what the
// kernel made of it: the next power of two, and a page at least.
//
// Errors wrap the errno and say what stood in the way: EPERM above a bound of
// the system, EBUSY when more bytes than that wait in the pipe; EINVAL for a
// negative n, and for one beyond 32 bits.
func SetCapacity(fd *ipc.FD, n int) (kept int, err error) {
	if n == int(int32(n)) {
		kept, err = unix.FcntlInt(uintptr(fd.Number()), unix.F_SETPIPE_SZ, n)
	} else {
		err = unix.EINVAL // the kernel would read the lower half
	}
	if err == nil {
		return kept, nil
	}
	why := ofPipe("fcntl", err)
	switch err {
	case unix.EPERM:
		why = fmt.Errorf("%w: more than fs.pipe-max-size for a pipe, or fs.pipe-user-pages-soft for all of a user's, takes CAP_SYS_RESOURCE", why)
	case unix.EBUSY:
		why = fmt.Errorf("%w: more than that waits in it", why)
	}
	return 0, fmt.Errorf("set the capacity of %s to %d bytes: %w", fd, n, why)
}

// ofPipe names the call that failed with err, which is EBADF for what is open
// and no pipe.
func ofPipe(call string, err error) error {
	if err == unix.EBADF {
		return fmt.Errorf("%w: it is not open, or no pipe", os.NewSyscallError(call, err))
	}
	return os.NewSyscallError(call, err)
}

// Flags of Splice and Tee.
const (
	SPLICE_F_NONBLOCK SpliceFlags = unix.SPLICE_F_NONBLOCK // do not wait for the pipes; whether the other end waits is its own O_NONBLOCK's
	SPLICE_F_MORE     SpliceFlags = unix.SPLICE_F_MORE     // more follows at once: for a socket, as MSG_MORE
	SPLICE_F_MOVE     SpliceFlags = unix.SPLICE_F_MOVE     // move pages rather than copy them; a hint
)

func splice(from, to *ipc.FD, n int, flags SpliceFlags) (int64, error) {
	moved, err := unix.Splice(from.Number(), nil, to.Number(), nil, n, int(flags))
	return int64(moved), err // an int on 32-bit machines
}

func tee(from, to *ipc.FD, n int, flags SpliceFlags) (int64, error) {
	return unix.Tee(from.Number(), to.Number(), n, int(flags))
}
