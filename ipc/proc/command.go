package proc

import (
	"fmt"
	"math"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// A Shell says how Command runs its line. The zero Shell is /bin/sh with nothing
// to read, an empty environment and all the time in the world.
type Shell struct {
	Env    []string // as for Program: all there is
	Dir    string   // "" is the parent's
	In     *ipc.FD  // lent; nil is /dev/null
	Wiring Wiring   // of the two outputs; nil is OverPipe
	Limits []Limit  // as for Program

	Timeout time.Duration // then the command and its group are killed; 0 is never, less is at once
	Grace   time.Duration // between SIGTERM and SIGKILL then; 0 is SIGKILL at once
}

// An Output is what Command found out.
type Output struct {
	Status Status // of the shell

	// Out and Err are how many bytes came on the two outputs. What is beyond
	// the buffers was read and dropped.
	Out, Err int64

	// Held: the shell has ended, and something that it started still has an
	// output open. What that writes from now on is EPIPE to it.
	Held bool
}

// Command runs a line of shell (sh -c) in a process group of its own and
// captures both its outputs at once: what fits goes to out and errs, in the order
// in which it came on each. It returns when the shell has ended, with all that
// was written until then. A command left behind in the background is neither
// waited for nor ended, unless by the timeout.
//
// A command that fails, is killed or does not exist (127) is no error: see
// Output's Status. Errors are those of Start; os.ErrDeadlineExceeded after the
// timeout, with the Output all the same. In any case no child of ours is left and
// nothing stays open.
func Command(line string, out, errs []byte, how *Shell) (Output, error) {
	if how == nil {
		how = new(Shell)
	}
	output, err := command(line, out, errs, how)
	if err != nil {
		return output, fmt.Errorf("command %.40q: %w", line, err)
	}
	return output, nil
}

func command(line string, out, errs []byte, how *Shell) (Output, error) {
	p, ours, err := how.start(line)
	if err != nil {
		return Output{}, err
	}
	defer ours.Close()
	return p.capture(&stream{fd: ours.Out, keep: out}, &stream{fd: ours.Err, keep: errs}, how)
}

// start starts the shell and returns our ends of its outputs.
func (how *Shell) start(line string) (p *Process, ours Stdio, err error) {
	wire := how.Wiring
	if wire == nil {
		wire = OverPipe
	}
	childs := Stdio{In: how.In}
	defer func() {
		childs.In = nil // lent
		childs.Close()
		if err != nil {
			ours.Close()
		}
	}()
	if ours.Out, childs.Out, err = wire(); err != nil {
		return nil, ours, err
	}
	if ours.Err, childs.Err, err = wire(); err != nil {
		return nil, ours, err
	}
	p, err = Start(&Program{
		Path:   "/bin/sh",
		Args:   []string{"sh", "-c", "--", line},
		Env:    how.Env,
		Dir:    how.Dir,
		Stdio:  childs,
		Limits: how.Limits,
	})
	return p, ours, err
}

// capture reads both streams until the child has ended, and reaps it.
func (p *Process) capture(out, errs *stream, how *Shell) (Output, error) {
	late, err := p.readUntilEnd(out, errs, how)
	if err != nil {
		p.Kill(0)
		return Output{}, err
	}
	var o Output
	for _, s := range []*stream{out, errs} {
		open, err := s.readRest()
		if err != nil {
			p.Kill(0)
			return Output{}, err
		}
		o.Held = o.Held || open
	}
	o.Out, o.Err = out.got, errs.got
	if o.Status, err = p.Wait(); err == nil && late {
		err = os.ErrDeadlineExceeded
	}
	return o, err
}

// readUntilEnd reads what comes until the child has ended, and makes it end when
// its time is up; late says that it was.
func (p *Process) readUntilEnd(out, errs *stream, how *Shell) (late bool, err error) {
	next, limited := time.Now().Add(how.Timeout), how.Timeout != 0
	grace := how.Grace
	for {
		fds := make([]unix.PollFd, 0, 3)
		var ready [2]*stream
		for _, s := range []*stream{out, errs} {
			if !s.ended {
				ready[len(fds)] = s
				fds = append(fds, unix.PollFd{Fd: int32(s.fd.Number()), Events: unix.POLLIN})
			}
		}
		wait := time.Duration(math.MaxInt64)
		if limited {
			wait = max(time.Until(next), 0)
		}
		if p.pidfd != nil {
			fds = append(fds, unix.PollFd{Fd: int32(p.pidfd.Number()), Events: unix.POLLIN})
		} else {
			wait = min(wait, tick)
		}
		if _, errno := sys.Poll(fds, wait); errno != 0 && errno != syscall.EINTR {
			return late, os.NewSyscallError("poll", errno)
		}
		asked := p.pidfd == nil || fds[len(fds)-1].Revents != 0
		for i, s := range ready {
			if s != nil && fds[i].Revents != 0 {
				if err := s.read(math.MaxInt); err != nil {
					return late, err
				}
			}
		}
		if asked && p.endsWithin(0) {
			return late, nil
		}
		if limited && time.Until(next) <= 0 {
			late = true
			p.TakeGroupAlong()
			if grace > 0 {
				p.SignalAll(unix.SIGTERM)
				next, grace = next.Add(grace), 0
				continue
			}
			p.SignalAll(unix.SIGKILL)
			limited = false
		}
	}
}

// A stream is one output on its way into a buffer.
type stream struct {
	fd    *ipc.FD
	keep  []byte
	got   int64 // bytes that came, more perhaps than keep holds
	ended bool
	drop  []byte // where they go when keep is full
}

// read reads once, at most so many bytes. The stream is readable.
func (s *stream) read(most int) error {
	room := s.keep[min(s.got, int64(len(s.keep))):]
	if len(room) == 0 {
		if s.drop == nil {
			s.drop = make([]byte, 64<<10) // a pipe's usual capacity
		}
		room = s.drop
	}
	n, err := pipe.Read(s.fd, room[:min(len(room), most)])
	if err != nil {
		return err
	}
	s.got += int64(n)
	s.ended = n == 0
	return nil
}

// readRest reads what is there after the child's end, and no more than that, for
// a descendant may write for ever. It reports whether one holds the other end
// open.
func (s *stream) readRest() (open bool, err error) {
	if s.ended {
		return false, nil
	}
	n, err := pipe.Waiting(s.fd)
	if err != nil {
		return false, err
	}
	for rest := s.got + int64(n); s.got < rest && !s.ended; {
		if err := s.read(int(rest - s.got)); err != nil {
			return false, err
		}
	}
	fds := []unix.PollFd{{Fd: int32(s.fd.Number()), Events: unix.POLLIN}}
	if _, errno := sys.Poll(fds, 0); errno != 0 && errno != syscall.EINTR {
		return false, os.NewSyscallError("poll", errno)
	}
	if fds[0].Revents != 0 {
		if err := s.read(math.MaxInt); err != nil {
			return false, err
		}
	}
	return !s.ended, nil
}
