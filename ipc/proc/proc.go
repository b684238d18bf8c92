// Package proc starts child processes, wires them to their parent and ends and
// reaps them, with nothing inherited and nothing left behind.
//
// Command runs a line of shell and captures both outputs at once. For more than
// that: Pipes, Socketpairs or Terminal make the wires, Start starts a Program on
// them, and Wait, WaitOrKill or Kill bring it to an end. Each Process that Start
// returns is waited for once, or it stays a zombie until its parent ends too.
//
// A child gets what its Program says: its arguments, its environment, its
// directory, descriptors 0, 1 and 2, and a process group of its own. Of what the
// parent has it inherits its users and groups, umask, priority and limits, but no
// further descriptor and no variable. Of the limits, the one of open files is put
// back to 1,024 where Go has raised it for this process (on Linux). Signals that Go
// handles have their default action in it, as after every execve(2), SIGPIPE among
// them. Its signal mask is empty (on Linux). A signal
// that this process ignores (signal.Ignore, or nohup(1) above it) stays ignored
// in the child, for that is what nohup lives on; a program that wants to be rid
// of a signal for itself alone gives it to a channel that nobody reads
// (signal.Notify).
//
// Underneath is a fork that is safe in a Go program: between fork and exec no Go
// code may run but for bare system calls, since the child has but one of the
// parent's threads, and its locks are as the others left them. On Linux these calls
// are internal/sys.Spawn's; elsewhere it is syscall.ForkExec.
//
// The package waits for no child but its own, uses no SIGCHLD and starts no
// goroutine, but for AdoptOrphans. Wait blocks; an event loop watches PidFD instead and then calls
// TryWait.
package proc

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// A Program is what a child is to be. Start keeps no part of it.
type Program struct {
	// Path is the file to execute (execve(2)). There is no search through
	// $PATH, and a relative path starts at the child's directory.
	Path string

	// Args is argv, the program's own name first; nil is Path alone.
	Args []string

	// Env is the environment, as "NAME=value", and all of it: nil is none.
	Env []string

	// Dir is the child's directory; "" is the parent's. DirFD is one that is
	// open already (fchdir(2)), lent for Start; only Linux has it (elsewhere
	// errors.ErrUnsupported). At most one of the two is given.
	Dir   string
	DirFD *ipc.FD

	// Stdio are the child's descriptors 0, 1 and 2, lent for Start; one that
	// is nil is /dev/null. Most programs expect ends that wait: O_NONBLOCK
	// belongs to the open file and so would be the child's as well.
	Stdio

	// Group is the child's process group and session; zero is a group of its
	// own.
	Group Group

	// Limits bound what the child may take up, from the program's first
	// instruction on, which a set-user-ID program keeps. Only Linux has them
	// (elsewhere errors.ErrUnsupported); see MayLimit.
	Limits []Limit

	// NoNewPrivs keeps the child, and all that it starts, from gaining privileges
	// by executing a file: set-user-ID and set-group-ID bits and file
	// capabilities mean nothing to it (prctl(2), PR_SET_NO_NEW_PRIVS). Only
	// Linux has it (elsewhere errors.ErrUnsupported).
	NoNewPrivs bool
}

// A Group says which process group and session a child belongs to (setpgid(2),
// setsid(2)).
type Group uint8

const (
	// OwnGroup makes the child the leader of a new group in the parent's
	// session: signals for the group reach it and its descendants, and those
	// that the terminal sends to the parent's group do not.
	OwnGroup Group = iota
	// OwnSession makes it the leader of a new session, without a terminal.
	OwnSession
	// OwnTerminal makes it the leader of a new session whose controlling
	// terminal is its standard input, as Terminal makes one.
	OwnTerminal
	// ParentsGroup leaves it in the parent's group, as a shell does with a
	// program that is to use its terminal.
	ParentsGroup
)

// Start starts a child and returns when its program runs, or has failed to. It
// owns nothing of c: the parent closes its copies of the child's ends, or it
// never finds the end of what the child writes.
//
// So that the child gets descriptors 0 to 2 alone, it closes all others
// (close_range(2)), or Start marks them close-on-exec where a child cannot. What Go
// and this module open is so from birth; what the process itself has inherited is
// not.
//
// Errors wrap the errno: ENOENT, EACCES, ENOEXEC and their like for a file that
// cannot be executed, with ErrInterpreter when it is there and its interpreter
// is not; E2BIG; EAGAIN when the user has too many processes; EMFILE; ETXTBSY
// when somebody has the file open to write it, which may be a fork under way in
// another thread. On error no child is left and nothing stays open.
func Start(c *Program) (*Process, error) {
	p, err := start(c)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

func start(c *Program) (*Process, error) {
	if c.Dir != "" && c.DirFD != nil {
		return nil, fmt.Errorf("%w: both Dir and DirFD are given", unix.EINVAL)
	}
	args := c.Args
	if args == nil {
		args = []string{c.Path}
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: argv has no element", unix.EINVAL)
	}
	for _, list := range [][]string{{c.Path, c.Dir}, args, c.Env} {
		for _, s := range list {
			if strings.IndexByte(s, 0) >= 0 {
				return nil, fmt.Errorf("%w: %.60q holds a NUL", unix.EINVAL, s)
			}
		}
	}
	var (
		null  *ipc.FD
		files [3]int
	)
	for i, fd := range [...]*ipc.FD{c.In, c.Out, c.Err} {
		if fd == nil {
			if null == nil {
				n, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", os.DevNull, os.NewSyscallError("open", err))
				}
				null = ipc.NewFD(n)
				defer null.Close()
			}
			fd = null
		}
		if files[i] = fd.Number(); files[i] < 0 {
			return nil, fmt.Errorf("descriptor %d of the child is a %s: %w", i, fd, unix.EBADF)
		}
	}
	return launch(c, args, files)
}
