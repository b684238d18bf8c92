//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// launch starts the child. Its signal mask is that of the calling thread.
func launch(c *Program, attr *syscall.ProcAttr) (*Process, error) {
	if len(c.Limits) > 0 {
		return nil, fmt.Errorf("limits: %w: only Linux lets a parent set its child's", errors.ErrUnsupported)
	}
	closeOthersOnExec()
	pid, err := c.forkExec(attr)
	if err != nil {
		return nil, err
	}
	return newProcess(pid, c.Group), nil
}

// closeOthersOnExec marks the descriptors from 3 on, up to the limit. A number
// from 65,536 on is not looked at: it would have to have been inherited.
func closeOthersOnExec() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		limit.Cur = 1 << 16
	}
	for n := range int(min(uint64(limit.Cur), 1<<16)) {
		if n > 2 {
			unix.CloseOnExec(n)
		}
	}
}

func pathOf(dir *ipc.FD) (string, error) {
	return "", fmt.Errorf("to work in %s: %w: only Linux has names for open directories; give the path", dir, errors.ErrUnsupported)
}
