//go:build freebsd || netbsd || openbsd

package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

func pipe2(flags Flags) (ends [2]int, err error) {
	if flags&O_DIRECT != 0 {
		return ends, errNoPackets
	}
	err = unix.Pipe2(ends[:], int(flags)|unix.O_CLOEXEC)
	return ends, os.NewSyscallError("pipe2", err)
}
