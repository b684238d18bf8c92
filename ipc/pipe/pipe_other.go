//go:build unix && !linux

package pipe

import (
	"errors"
	"fmt"

	"xanadu/ipc"
)

// PIPE_BUF is how many bytes a write may have to be atomic (<sys/syslimits.h>).
const PIPE_BUF = 512

// O_DIRECT asks for a pipe that keeps packets apart, which only Linux has: New
// refuses it. A pair of sockets of SOCK_SEQPACKET or SOCK_DGRAM does the same.
const O_DIRECT Flags = 1 << 30

var errNoPackets = fmt.Errorf("%w: only Linux has pipes that keep packets apart", errors.ErrUnsupported)

const fionread = 0x4004667f // FIONREAD, <sys/filio.h>

// Reopen opens an end once more, with flags of its own. These systems only
// duplicate it: errors.ErrUnsupported.
func Reopen(fd *ipc.FD, flags Flags) (*ipc.FD, error) {
	return nil, fmt.Errorf("open %s once more: %w: only Linux does so", fd, errors.ErrUnsupported)
}

// Capacity returns how many bytes the pipe holds at most. These systems do not
// say: errors.ErrUnsupported.
func Capacity(fd *ipc.FD) (int, error) {
	return 0, fmt.Errorf("capacity of %s: %w: only Linux tells it", fd, errors.ErrUnsupported)
}

// SetCapacity asks for room for n bytes. These systems choose themselves:
// errors.ErrUnsupported.
func SetCapacity(fd *ipc.FD, n int) (kept int, err error) {
	return 0, fmt.Errorf("set the capacity of %s to %d bytes: %w: only Linux lets it be chosen", fd, n, errors.ErrUnsupported)
}

// Flags of Splice and Tee, which only Linux has.
const (
	SPLICE_F_NONBLOCK SpliceFlags = 1 << iota
	SPLICE_F_MORE
	SPLICE_F_MOVE
)

var errNoSplice = fmt.Errorf("%w: only Linux has splice(2) and tee(2); read and write instead", errors.ErrUnsupported)

func splice(from, to *ipc.FD, n int, flags SpliceFlags) (int64, error) { return 0, errNoSplice }
func tee(from, to *ipc.FD, n int, flags SpliceFlags) (int64, error)    { return 0, errNoSplice }
