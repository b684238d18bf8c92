package proc

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

func launch(c *Program, attr *syscall.ProcAttr) (*Process, error) {
	if attr.Sys.Ptrace = len(c.Limits) > 0; attr.Sys.Ptrace {
		// The tracer is not the process but the thread that forks.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	if err := closeOthersOnExec(); err != nil {
		return nil, err
	}
	restore, err := emptyMask()
	if err != nil {
		return nil, err
	}
	defer restore()
	pidfd := -1
	attr.Sys.PidFD = &pidfd // CLONE_PIDFD; stays -1 before Linux 5.2
	pid, err := c.forkExec(attr)
	if err != nil {
		return nil, err
	}
	p := newProcess(pid, c.Group)
	if pidfd >= 0 {
		p.pidfd = ipc.NewFD(pidfd)
	}
	if attr.Sys.Ptrace {
		if err := p.limitStopped(c.Limits); err != nil {
			p.Kill(0)
			return nil, err
		}
	}
	return p, nil
}

// emptyMask has the calling thread block no signal until restore, so that the
// child, which inherits the mask, does not either. A goroutine locked to its
// thread that waits with a mask of its own (pselect(2)) has signals blocked, and
// so has every thread when the process was started so. What is pending arrives
// here.
func emptyMask() (restore func(), err error) {
	var none, old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, nil, &old); err != nil {
		return nil, os.NewSyscallError("rt_sigprocmask", err)
	}
	if old == none {
		return func() {}, nil
	}
	runtime.LockOSThread()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, &old); err != nil {
		runtime.UnlockOSThread()
		return nil, os.NewSyscallError("rt_sigprocmask", err)
	}
	return func() {
		unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
		runtime.UnlockOSThread()
	}, nil
}

// closeOthersOnExec marks the descriptors from 3 on (close_range(2), whose
// CLOSE_RANGE_CLOEXEC is of Linux 5.11).
func closeOthersOnExec() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	switch err {
	case nil:
		return nil
	case unix.ENOSYS, unix.EINVAL:
		return closeEachOnExec()
	}
	return os.NewSyscallError("close_range", err)
}

func closeEachOnExec() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list the open descriptors: %w", err)
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 2 {
			unix.CloseOnExec(n)
		}
	}
	return nil
}

// pathOf returns a name for an open directory that holds in the child as well,
// which still has the descriptor when it goes there (proc(5)).
func pathOf(dir *ipc.FD) (string, error) {
	n := dir.Number()
	if n < 0 {
		return "", fmt.Errorf("the directory is a %s: %w", dir, unix.EBADF)
	}
	return "/proc/self/fd/" + strconv.Itoa(n), nil
}
