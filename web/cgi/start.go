package cgi

import (
	"errors"
	"os"
	"syscall"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
	"xanadu/web"
)

// Limits bound what each process of a program may take up (getrlimit(2)), and do.
// They hold where the system lets a parent set them (Linux); see Check.
type Limits struct {
	CPU    time.Duration // processor time, rounded up to seconds; 0 is no limit
	Memory int64         // octets of data (RLIMIT_DATA); 0 is no limit

	// NoSetID keeps programs, and what they start, from running as another user
	// or group than the server by the mode of a file (prctl(2),
	// PR_SET_NO_NEW_PRIVS).
	NoSetID bool
}

// An Input is what a program finds on its standard input. The zero Input is the
// end of file.
type Input struct {
	File  *ipc.FD // an open file, which is read from where it stands; lent for Start
	Bytes []byte  // or these octets, lent for Start
	More  bool    // and what the caller then writes to Child.In
}

// A Child is a program that runs, in a session of its own, and our ends of
// the pipes to it. They do not wait, and the caller owns them.
type Child struct {
	*proc.Process
	In  *ipc.FD // to write; nil when there is no more than Start has written
	Out *ipc.FD // to read what it says
	Err *ipc.FD // to read what it complains of
}

// Close closes what is open of the pipes.
func (c *Child) Close() {
	for _, fd := range [...]*ipc.FD{c.In, c.Out, c.Err} {
		if fd != nil {
			fd.Close()
		}
	}
}

// Start starts p in its directory with these arguments after its name, this
// environment and no other descriptors than the three that every program has
// (RFC 3875 §7.2). It returns when the program runs, or fails; it does not wait
// for anything else. Taken is how many of the input's octets were written to
// the pipe; the rest is for the caller to write.
//
// Errors are those of proc.Start and pipe.New; StatusOf says what a client is
// to hear. On error nothing runs and nothing stays open.
func Start(p *web.Program, args, env []string, in Input, lim Limits) (c *Child, taken int, err error) {
	c = new(Child)
	var theirs proc.Stdio
	defer func() {
		theirs.Close()
		if err != nil {
			c.Close()
			c = nil
		}
	}()
	program := &proc.Program{
		Path:       "./" + p.File,
		Args:       append([]string{"./" + p.Name}, args...),
		Env:        env,
		Limits:     lim.list(),
		NoNewPrivs: lim.NoSetID,
		Group:      proc.OwnSession, // so that it cannot leave its group for another
	}
	enter(program, p)
	if c.Out, theirs.Out, err = pipe.New(0); err != nil {
		return
	}
	if c.Err, theirs.Err, err = pipe.New(0); err != nil {
		return
	}
	if len(in.Bytes) > 0 || in.More {
		if theirs.In, c.In, err = pipe.New(0); err != nil {
			return
		}
	}
	for _, fd := range [...]*ipc.FD{c.In, c.Out, c.Err} {
		if fd != nil {
			if err = pipe.SetNonblock(fd, true); err != nil {
				return
			}
		}
	}
	if len(in.Bytes) > 0 {
		if taken, err = pipe.Write(c.In, in.Bytes); err != nil {
			return
		}
	}
	if c.In != nil && taken == len(in.Bytes) && !in.More {
		c.In.Close()
		c.In = nil
	}
	program.Stdio = theirs
	if in.File != nil {
		program.In = in.File
	}
	c.Process, err = proc.Start(program)
	return
}

// StatusOf returns what a client is answered whose program could not be
// started.
func StatusOf(err error) int {
	for _, lack := range [...]error{
		syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, // for want of something
		syscall.ETXTBSY, // it is being installed
	} {
		if errors.Is(err, lack) {
			return 503
		}
	}
	// Only what is said of the program itself is told as such. A sandbox that
	// refuses another call, as the one that sets limits, is the server's affair.
	call, ok := errors.AsType[*os.SyscallError](err)
	if !ok || call.Syscall != "execve" && call.Syscall != "chdir" && call.Syscall != "fchdir" {
		return 500
	}
	switch {
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return 403
	case errors.Is(err, syscall.ENOENT) && !errors.Is(err, proc.ErrInterpreter):
		return 404 // it is there no more
	}
	return 500
}
