package httpd

import (
	"fmt"
	"syscall"
	"time"

	"xanadu/ipc/loop"
)

const (
	// dyingTime is how long a program is waited for that has closed its output, and
	// for what was killed with it.
	// At its end it does so a moment before it can be reaped, but on a busy
	// machine the moment may be long for one with a low priority, and how it
	// ended tells whether its answer is whole. Who lives on for longer means to.
	dyingTime = time.Second

	// patience is how long the pipes of a program that has ended are waited for,
	// which others may have been left with.
	patience = 100 * time.Millisecond

	// lastCut is how long the kernel is given at the end of a loop to end what
	// was killed.
	lastCut = time.Second
)

// stop ends the program and all that belongs to it: they are asked to, and after a
// while not asked any more. Nothing that it says from now on is heard.
func (p *program) stop() {
	if p.child == nil || p.stopping || p.ended {
		return
	}
	p.stopping, p.outOver = true, true
	p.out.Close()
	p.in.Close()
	p.child.TakeGroupAlong()
	p.child.SignalAll(syscall.SIGTERM)
	p.errs.Timeout(p.engine.grace)
	p.awaitEnd()
}

// awaitEnd has the loop tell of the end of the program.
func (p *program) awaitEnd() {
	switch {
	case p.end.Attached() || p.awaited:
		return
	case p.hasEnded():
		p.settle()
		return
	}
	e, child := p.engine, p.child
	if fd := child.PidFD(); fd != nil {
		e.loop.AttachSignal(&p.end.Stream, fd.Disown(), &p.end)
		p.end.Receive()
		return
	}
	// This system has no descriptor for it.
	p.awaited = true
	go func() {
		child.Wait()
		e.loop.Post(p.end.check)
	}()
}

// programEnd is the end of the program's own process.
type programEnd struct {
	loop.Stream
	silent
	p *program
}

func (s *programEnd) Ended(err error) {
	s.Close()
	if err == nil {
		s.check()
	}
}

func (s *programEnd) check() {
	if s.p.child != nil && s.p.hasEnded() {
		s.p.settle()
	}
}

// hasEnded finds out whether the program's own process has ended, and how. It is
// reaped by bury: until then what it has left can be told by it.
func (p *program) hasEnded() bool {
	if p.ended {
		return true
	}
	status, ended, err := p.child.Ended()
	if !ended && err == nil {
		return false
	}
	p.ended, p.waited = true, false
	p.crashed = status.Signal != 0
	p.how = status.String()
	if err != nil {
		p.how = err.Error() // somebody else has reaped it
		p.child.TryWait()
	}
	return true
}

// settle goes on when something of the program is over: with the answer, and
// with its end.
func (p *program) settle() {
	if p.conn != nil && p.outOver && (p.ended || p.waited) {
		p.outputEnded()
	}
	if p.child != nil && p.ended && (p.conn == nil || p.outOver) {
		p.finish()
	}
}

// finish ends what the program has left, or leaves it alone, and then buries the
// program, which has ended. Who has left in order may leave others to work on, if
// they have closed its pipes; all others are killed.
func (p *program) finish() {
	if (p.stopping || p.crashed) && !p.swept {
		p.sweep()
	}
	switch {
	case p.outOver && p.errsOver:
		p.bury()
	case !p.waited:
		// Its last words may still be on their way.
		p.errs.Receive()
		if p.swept {
			p.errs.Timeout(p.engine.dying)
		} else {
			p.errs.Timeout(p.engine.patience)
		}
	case !p.swept:
		p.swept = true
		if p.child.KillHolders(p.pipes...) == 0 {
			p.child.TakeGroupAlong() // they cannot be told from the others
			p.bury()
			return
		}
		p.waited = false
		p.errs.Timeout(p.engine.dying)
	default:
		if p.child.KillHolders(p.pipes...) > 0 {
			p.complain("not all that it has left with its pipes can be ended")
		}
		p.bury()
	}
}

// sweep kills all that belongs to the program, and whoever has one of its pipes.
func (p *program) sweep() {
	p.swept = true
	p.child.TakeGroupAlong()
	p.child.SignalAll(syscall.SIGKILL)
	p.child.KillHolders(p.pipes...)
}

// bury reaps the program and frees all that it has taken up.
func (p *program) bury() {
	p.child.TryWait()
	p.errs.tell()
	p.in.Close()
	p.out.Close()
	p.errs.Close()
	p.end.Close()
	p.child = nil
	p.leave()
}

// timeIsUp acts on the program's time limit.
func (p *program) timeIsUp() {
	switch {
	case p.stopping && !p.ended:
		p.child.SignalAll(syscall.SIGKILL)
		p.errs.Timeout(p.engine.grace)
	case p.ended || p.outOver && !p.waited:
		p.waited = true
		p.expect()
		p.settle()
	case p.conn == nil && !p.end.Attached() && !p.awaited:
		// Its answer is complete. Whether others keep its output open shows at
		// its end.
		p.expect()
		p.awaitEnd()
	default:
		p.fail(504, fmt.Sprintf("it has said nothing for %gs", p.engine.server.opt.Programs.Silence.Seconds()))
		p.stop()
	}
}

// cut ends the program without asking it.
func (p *program) cut() {
	if p.child != nil && !p.ended {
		p.stop()
		p.child.SignalAll(syscall.SIGKILL)
	}
}

// killPrograms ends what still runs when the loop has ended. It waits for that,
// but not for what the kernel cannot end.
func (e *engine) killPrograms() {
	for p := range e.programs {
		if p.child == nil {
			continue // its start finds out
		}
		if !p.ended {
			p.sweep()
		} else {
			p.child.KillHolders(p.pipes...)
		}
		for deadline := time.Now().Add(lastCut); !p.hasEnded(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				p.complain("it cannot be killed, and is left behind")
				break
			}
		}
		p.bury()
	}
}
