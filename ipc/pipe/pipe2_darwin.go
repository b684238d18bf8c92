package pipe

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe2 makes do without pipe2(2): the lock keeps a child started meanwhile from
// inheriting the ends.
func pipe2(flags Flags) (ends [2]int, err error) {
	if flags&O_DIRECT != 0 {
		return ends, errNoPackets
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(ends[:]); err != nil {
		return ends, os.NewSyscallError("pipe", err)
	}
	for _, n := range ends {
		unix.CloseOnExec(n)
	}
	if flags&O_NONBLOCK == 0 {
		return ends, nil
	}
	for _, n := range ends {
		if err := unix.SetNonblock(n, true); err != nil {
			unix.Close(ends[0])
			unix.Close(ends[1])
			return ends, os.NewSyscallError("fcntl", err)
		}
	}
	return ends, nil
}
