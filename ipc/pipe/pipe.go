// Package pipe makes pipes and FIFOs and moves bytes through them: the calls of
// pipe(7) and fifo(7) on descriptors with one owner, and nothing behind their
// backs.
//
// Most programs need three functions: New for a pipe, Read and Write for its
// ends. Mkfifo and OpenReader, OpenWriter do the same by a name in the file
// system. Splice and Tee move bytes without taking them into the process.
//
// Writes of up to PIPE_BUF bytes are atomic: what several writers write does
// not interleave, and what a writer that does not wait writes goes in whole or
// not at all. Of more than that a reader may find other writers' bytes in the
// middle.
//
// Read returns 0 when the last writer has closed its end and all is read. A
// write that no reader can get any more is EPIPE, and never the death of the
// process, on whatever descriptor: the Go runtime catches the SIGPIPE that comes
// along, and raises it itself only for os.Stdout and os.Stderr. A command that
// is to die quietly as a filter in a shell's pipeline does says so:
//
//	if errors.Is(err, syscall.EPIPE) {
//		pipe.DieOfSIGPIPE()
//	}
//
// Every descriptor is close-on-exec from birth and waits unless it was made with
// O_NONBLOCK. A call that would have to wait returns ErrWouldBlock; one that a
// signal interrupts is repeated here. The package starts no goroutines.
//
// For many small messages there are TryRead and TryWrite, of which the Go scheduler
// is not told, and Reopen for an end to use them on.
package pipe

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// Flags are those of pipe2(2) and open(2) that a pipe has a use for, or'ed.
// O_DIRECT is among them.
type Flags int

// O_NONBLOCK has no call on the descriptor wait. It belongs to the open end:
// every duplicate of that has it too, also in other processes.
const O_NONBLOCK Flags = unix.O_NONBLOCK

// ErrWouldBlock is the answer of a call that would have to wait. It is EAGAIN to
// errors.Is.
var ErrWouldBlock error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string { return "the call would have to wait" }
func (wouldBlock) Unwrap() error { return syscall.EAGAIN }

// New makes a pipe (pipe2(2)) and returns the end to read from and the end to
// write to; the caller owns both. Flags hold for both ends: SetNonblock changes
// one of them.
//
// With O_DIRECT (Linux 3.4) the pipe keeps packets apart: each write of up to
// PIPE_BUF bytes is one, more makes several, and a read takes no more than one.
// What of a packet does not fit into the reader's buffer is lost.
//
// Errors wrap the errno: EMFILE, ENFILE; ENFILE also when the user has too many
// pages in pipes. On error nothing stays open.
func New(flags Flags) (r, w *ipc.FD, err error) {
	ends, err := pipe2(flags)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return ipc.NewFD(ends[0]), ipc.NewFD(ends[1]), nil
}

// Read reads up to len(b) bytes (read(2)); b must not be empty. 0 bytes and no
// error are the end: no writer is left, and of a FIFO that does not wait perhaps
// none has come yet. While there are writers and nothing to read it waits, or
// returns ErrWouldBlock.
func Read(fd *ipc.FD, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd.Number(), b)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		default:
			return 0, transferred("read from", "read", fd, err)
		}
	}
}

// Write writes b (write(2)) and returns how many bytes the pipe took. An end
// that waits takes all of them, unless the last reader goes away in the middle.
// One that does not wait takes up to PIPE_BUF bytes all at once or none
// (ErrWouldBlock), and of more as many as there is room for. What the kernel left
// over is written by further calls, for a signal cuts a write that waits short.
//
// The error is EPIPE when no reader is left, beside the bytes taken before; the
// comment of the package tells what becomes of SIGPIPE.
func Write(fd *ipc.FD, b []byte) (int, error) {
	taken := 0
	for {
		n, err := unix.Write(fd.Number(), b[taken:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && taken > 0:
			return taken, nil
		case err != nil:
			return taken, transferred("write to", "write", fd, err)
		default:
			if taken += n; taken == len(b) {
				return taken, nil
			}
		}
	}
}

// transferred makes the error of a transfer that failed with an errno.
func transferred(what, call string, fd *ipc.FD, err error) error {
	if err == syscall.EAGAIN {
		return ErrWouldBlock
	}
	return fmt.Errorf("%s %s: %w", what, fd, os.NewSyscallError(call, err))
}

// Waiting returns how many bytes wait to be read (ioctl(2), FIONREAD), of a pipe
// that keeps packets apart those of all of them.
func Waiting(fd *ipc.FD) (int, error) {
	n, err := unix.IoctlGetInt(fd.Number(), fionread)
	if err != nil {
		return 0, fmt.Errorf("count what waits in %s: %w", fd, os.NewSyscallError("ioctl", err))
	}
	return n, nil
}

// SetNonblock chooses whether calls on the end wait (fcntl(2), O_NONBLOCK), for
// every duplicate of it, also in other processes. The two ends of a pipe do not
// depend on each other.
func SetNonblock(fd *ipc.FD, nonblock bool) error {
	if err := unix.SetNonblock(fd.Number(), nonblock); err != nil {
		return fmt.Errorf("set %s to wait or not: %w", fd, os.NewSyscallError("fcntl", err))
	}
	return nil
}
