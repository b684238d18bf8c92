package proc

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrInterpreter is among the errors of Start when the file is there and what
// should run it is not: the program after #!, or the dynamic loader.
var ErrInterpreter = errors.New("its interpreter is missing")

// blame finds out which call of the child's an errno of ForkExec came from. It
// reports one errno for all of them, so the evidence is looked at afterwards.
func (c *Program) blame(err error, attr *syscall.ProcAttr) error {
	switch err {
	case unix.EMFILE, unix.ENFILE, unix.EAGAIN, unix.ENOMEM:
		return os.NewSyscallError("fork", err)
	case unix.EBADF:
		return os.NewSyscallError("dup", err)
	case unix.ENOTTY:
		return fmt.Errorf("%w: standard input is no terminal", os.NewSyscallError("ioctl", err))
	case unix.EPERM:
		if c.Group == OwnTerminal {
			return fmt.Errorf("%w: the terminal is another session's", os.NewSyscallError("ioctl", err))
		}
		if attr.Sys.Ptrace {
			return fmt.Errorf("%w: the child is traced to set its limits, and something else traces it already or forbids it", os.NewSyscallError("ptrace", err))
		}
	}
	if attr.Dir != "" {
		var st unix.Stat_t
		// What follows the slash is looked up in the directory, as chdir
		// would.
		if unix.Stat(attr.Dir+"/.", &st) == err {
			name := attr.Dir
			if c.DirFD != nil {
				name = c.DirFD.String()
			}
			return fmt.Errorf("%s: %w", name, os.NewSyscallError("chdir", err))
		}
	}
	if err == unix.ENOENT && c.fileExists(attr.Dir) {
		return fmt.Errorf("%w: %w", os.NewSyscallError("execve", err), ErrInterpreter)
	}
	return os.NewSyscallError("execve", err)
}

// fileExists reports whether there is a file at Path, seen from the child's
// directory.
func (c *Program) fileExists(dir string) bool {
	path := c.Path
	if dir != "" && path != "" && path[0] != '/' {
		path = dir + "/" + path
	}
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil
}
