package proc

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

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

// limitStopped sets the limits of a child that was started traced, and lets it
// go. The kernel stops such a child at the end of execve(2), before the
// program's first instruction (ptrace(2), PTRACE_TRACEME), which is early enough.
// prlimit(2) on a child that runs is not: what it has forked by then keeps the old
// limits. And between fork and exec no code of ours runs.
//
// The caller is on the thread that forked, which is the tracer.
func (p *Process) limitStopped(limits []Limit) error {
	for {
		var w syscall.WaitStatus
		var usage syscall.Rusage
		_, err := syscall.Wait4(p.pid, &w, 0, &usage)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("wait4", err)
		case !w.Stopped():
			// A signal was faster. Wait tells.
			p.finish(statusOf(w, usage), nil)
			return nil
		case w.StopSignal() != syscall.SIGTRAP:
			// It, too, came before the first instruction; it has its way
			// before the stop that is waited for.
			if err := syscall.PtraceCont(p.pid, int(w.StopSignal())); err != nil && err != syscall.ESRCH {
				return os.NewSyscallError("ptrace", err)
			}
			continue
		}
		if err := p.setLimits(limits); err != nil {
			return err
		}
		// ESRCH is a child that was killed meanwhile.
		if err := syscall.PtraceDetach(p.pid); err != nil && err != syscall.ESRCH {
			return os.NewSyscallError("ptrace", err)
		}
		return nil
	}
}
