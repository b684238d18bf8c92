//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch starts the child. Its signal mask is that of the calling thread.
func launch(c *Program, args []string, files [3]int) (*Process, error) {
	switch {
	case len(c.Limits) > 0:
		return nil, fmt.Errorf("limits: %w: only Linux lets a parent set its child's", errors.ErrUnsupported)
	case c.NoNewPrivs:
		return nil, fmt.Errorf("no new privileges: %w: only Linux has that", errors.ErrUnsupported)
	case c.DirFD != nil:
		return nil, fmt.Errorf("to work in %s: %w: only Linux starts a child in an open directory; give the path", c.DirFD, errors.ErrUnsupported)
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: &syscall.SysProcAttr{
		Setpgid: c.Group == OwnGroup,
		Setsid:  c.Group == OwnSession || c.Group == OwnTerminal,
		Setctty: c.Group == OwnTerminal, // Ctty, the number in the child, is 0
	}}
	for _, n := range files {
		attr.Files = append(attr.Files, uintptr(n))
	}
	closeOthersOnExec()
	pid, err := syscall.ForkExec(c.Path, args, attr)
	if err != nil {
		return nil, c.blame(err)
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

// blame finds out which call of the child's an errno of ForkExec came from. It
// reports one errno for all of them, so the evidence is looked at afterwards.
func (c *Program) blame(err error) error {
	switch {
	case err == unix.EMFILE, err == unix.ENFILE, err == unix.EAGAIN, err == unix.ENOMEM:
		return os.NewSyscallError("fork", err)
	case err == unix.EBADF:
		return os.NewSyscallError("dup", err)
	case err == unix.ENOTTY, err == unix.EPERM && c.Group == OwnTerminal:
		return notTheTerminal(os.NewSyscallError("ioctl", err))
	}
	if c.Dir != "" {
		var st unix.Stat_t
		// What follows the slash is looked up in the directory, as chdir
		// would.
		if unix.Stat(c.Dir+"/.", &st) == err {
			return fmt.Errorf("%s: %w", c.Dir, os.NewSyscallError("chdir", err))
		}
	}
	if err == unix.ENOENT && existsIn(c.Dir, c.Path) {
		return fmt.Errorf("%w: %w", os.NewSyscallError("execve", err), ErrInterpreter)
	}
	return os.NewSyscallError("execve", err)
}
