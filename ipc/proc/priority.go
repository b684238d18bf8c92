package proc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SetPriority gives the child's process group a nice value, and so whatever it
// starts from now on (setpriority(2)): the higher, the less it is in the way of
// others. Of a child in its parent's group it is the child alone. Lowering it
// takes privileges (EACCES). The error is os.ErrProcessDone when the child has
// been reaped.
func (p *Process) SetPriority(nice int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := os.ErrProcessDone
	if !p.done {
		which := unix.PRIO_PROCESS
		if p.leads {
			which = unix.PRIO_PGRP // of the same number
		}
		err = os.NewSyscallError("setpriority", unix.Setpriority(which, p.pid, nice))
	}
	if err != nil {
		return fmt.Errorf("set the priority of process %d: %w", p.pid, err)
	}
	return nil
}
