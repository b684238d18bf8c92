package proc

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
)

// launch starts the child. All that it does before it becomes the program, it does
// for itself: see sys.Spawn.
func launch(c *Program, args []string, files [3]int) (*Process, error) {
	s := &sys.Spawn{
		Path:       c.Path,
		Args:       args,
		Env:        c.Env,
		Session:    c.Group == OwnSession || c.Group == OwnTerminal,
		Group:      c.Group == OwnGroup,
		Dir:        c.Dir,
		DirFD:      -1,
		Files:      files,
		NoNewPrivs: c.NoNewPrivs,
		Terminal:   c.Group == OwnTerminal,
	}
	if c.DirFD != nil {
		if s.DirFD = c.DirFD.Number(); s.DirFD < 0 {
			return nil, fmt.Errorf("the directory is a %s: %w", c.DirFD, unix.EBADF)
		}
	}
	for _, l := range c.Limits {
		if int(l.Resource) >= len(resourceNumbers) {
			return nil, fmt.Errorf("%s: %w", l.Resource, unix.EINVAL)
		}
		s.Limits = append(s.Limits, sys.ResourceLimit{Resource: resourceNumbers[l.Resource], Soft: l.Soft, Hard: l.Hard})
	}
	births.Add(1)
	defer births.Add(-1)
	pid, pidfd, step, index, errno := s.Start()
	if errno != 0 {
		return nil, c.failed(step, index, errno)
	}
	p := newProcess(pid, c.Group)
	if pidfd >= 0 {
		p.pidfd = ipc.NewFD(pidfd)
	} else {
		withoutPidfd.Store(true)
	}
	wakeAdopter()
	return p, nil
}

// failed says what a step of the child's failed at, and on what.
func (c *Program) failed(step sys.SpawnStep, index int, errno syscall.Errno) error {
	err := os.NewSyscallError(step.Call(), errno)
	switch step {
	case sys.SpawnChdir:
		return fmt.Errorf("%s: %w", c.Dir, err)
	case sys.SpawnFchdir:
		return fmt.Errorf("%s: %w", c.DirFD, err)
	case sys.SpawnTerminal:
		return notTheTerminal(err)
	case sys.SpawnLimit:
		if index < len(c.Limits) {
			err = fmt.Errorf("%s: %w", c.Limits[index].Resource, err)
		}
		return err
	case sys.SpawnExec:
		if errno == unix.ENOENT && c.fileExists() {
			return fmt.Errorf("%w: %w", err, ErrInterpreter)
		}
	}
	return err
}

// fileExists reports whether there is a file at Path, seen from the child's
// directory.
func (c *Program) fileExists() bool {
	if c.DirFD == nil {
		return existsIn(c.Dir, c.Path)
	}
	var st unix.Stat_t
	return unix.Fstatat(c.DirFD.Number(), c.Path, &st, 0) == nil
}
