//go:build unix && !linux

package ready

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openWake makes a pipe. Not all of these systems have pipe2(2); the fork lock
// keeps a child started meanwhile from inheriting the two ends.
func openWake() (read, write int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return -1, -1, os.NewSyscallError("pipe", err)
	}
	for _, fd := range ends {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(ends[0])
			unix.Close(ends[1])
			return -1, -1, os.NewSyscallError("fcntl", err)
		}
	}
	return ends[0], ends[1], nil
}
