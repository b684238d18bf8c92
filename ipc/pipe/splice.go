package pipe

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"xanadu/ipc"
)

// SpliceFlags are the SPLICE_F_ flags of Splice and Tee, or'ed.
type SpliceFlags int

// Splice moves up to n bytes from one descriptor to another within the kernel
// (splice(2), Linux 2.6.17) and returns how many; 0 and no error are the end of
// from, or an n of 0. One of the two at least is a pipe. A file is read or written
// at its offset, which moves on. It panics when n is negative.
//
// Errors wrap the errno: EINVAL when neither is a pipe, when both are the same
// one, and for files of kinds that cannot be spliced; EPIPE as for Write;
// ErrWouldBlock. Elsewhere than on Linux it is errors.ErrUnsupported.
func Splice(from, to *ipc.FD, n int, flags SpliceFlags) (int, error) {
	return moved("splice", from, to, n, func() (int64, error) { return splice(from, to, n, flags) })
}

// Tee writes up to n of the bytes that wait in one pipe to another one as well
// (tee(2), Linux 2.6.17): they stay to be read where they are. It returns how
// many they were; 0 and no error are the end of from, or an n of 0. It panics when
// n is negative.
//
// Errors are those of Splice; both must be pipes, and not the same.
func Tee(from, to *ipc.FD, n int, flags SpliceFlags) (int, error) {
	return moved("tee", from, to, n, func() (int64, error) { return tee(from, to, n, flags) })
}

func moved(name string, from, to *ipc.FD, n int, call func() (int64, error)) (int, error) {
	if n < 0 {
		panic(fmt.Sprintf("pipe: %s of %d bytes", name, n))
	}
	for {
		n, err := call()
		switch err {
		case nil:
			return int(n), nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, ErrWouldBlock
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			err = os.NewSyscallError(name, err)
		}
		return 0, fmt.Errorf("%s %s to %s: %w", name, from, to, err)
	}
}
