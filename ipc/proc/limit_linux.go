package proc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// MayLimit says why Start cannot set Limits, as where a sandbox refuses prlimit(2):
// it fails then, and no child runs without its limits. nil: it can.
func MayLimit() error {
	var core unix.Rlimit
	err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &core)
	if err == nil {
		err = unix.Prlimit(0, unix.RLIMIT_CORE, &core, nil)
	}
	return os.NewSyscallError("prlimit", err)
}

// SetLimits sets limits of a child that runs (prlimit(2)). What it has taken up
// already it keeps, descendants that it has by now go without, and an execve(2)
// that is not quite over puts RLIMIT_STACK back: Program's Limits are there from
// the beginning. Only Linux has it.
//
// Errors wrap the errno: EPERM to raise a hard limit without CAP_SYS_RESOURCE,
// EINVAL for a soft one above the hard; os.ErrProcessDone. Limits before the
// failing one are set.
func (p *Process) SetLimits(limits ...Limit) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := os.ErrProcessDone
	if !p.done {
		err = p.setLimits(limits)
	}
	if err != nil {
		return fmt.Errorf("limit process %d: %w", p.pid, err)
	}
	return nil
}

func (p *Process) setLimits(limits []Limit) error {
	for _, l := range limits {
		if int(l.Resource) >= len(resourceNumbers) {
			return fmt.Errorf("%s: %w", l.Resource, unix.EINVAL)
		}
		err := unix.Prlimit(p.pid, resourceNumbers[l.Resource], &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", l.Resource, os.NewSyscallError("prlimit", err))
		}
	}
	return nil
}

var resourceNumbers = [...]int{unix.RLIMIT_AS, unix.RLIMIT_CORE, unix.RLIMIT_CPU, unix.RLIMIT_DATA,
	unix.RLIMIT_FSIZE, unix.RLIMIT_NOFILE, unix.RLIMIT_NPROC, unix.RLIMIT_STACK}
