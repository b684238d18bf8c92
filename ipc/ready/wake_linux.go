package ready

import (
	"os"

	"golang.org/x/sys/unix"
)

// openWake makes an eventfd(2): one descriptor that is both ends.
func openWake() (read, write int, err error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, -1, os.NewSyscallError("eventfd", err)
	}
	return fd, fd, nil
}
