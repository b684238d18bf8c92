package httpd

import (
	"fmt"
	"syscall"
	"time"

	"xanadu/ipc/loop"
)

const (
	// dyingTime is how long a program is waited for that has closed its output.
	// At its end it does so a moment before it can be reaped, but on a busy
	// machine the moment may be long for one with a low priority, and how it
	// ended tells whether its answer is whole. Who lives on for longer means to.
	dyingTime = time.Second

	// patience is how long the complaints of a program that has ended are waited
	// for, which others may have been left with.
	patience = 100 * time.Millisecond

	// lastCut is how long the kernel is given at the end of a loop to end what
	// was killed.
	lastCut = time.Second
)

// stop ends the program and all its group: they are asked to, and after a while
// not asked any more. Nothing that it says from now on is heard.
func (p *program) stop() {
	if p.child == nil || p.stopping || p.ended {
		return
	}
	p.stopping, p.outOver = true, true
	p.out.Close()
	p.in.Close()
	p.child.SignalGroup(syscall.SIGTERM)
	p.errs.Timeout(p.engine.grace)
	p.awaitEnd()
}

// awaitEnd has the loop tell of the end of the program.
func (p *program) awaitEnd() {
	switch {
	case p.end.Attached() || p.awaited:
		return
	case p.tryWait():
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
	if s.p.child != nil && s.p.tryWait() {
		s.p.settle()
	}
}

// tryWait reaps the program if it has ended, and what is left of its group goes
// with it.
func (p *program) tryWait() bool {
	if p.ended {
		return true
	}
	status, ended, err := p.child.TryWait()
	if !ended && err == nil {
		return false
	}
	p.ended, p.waited = true, false
	p.crashed = status.Signal != 0
	p.how = status.String()
	if err != nil {
		p.how = err.Error() // somebody else has reaped it
	}
	return true
}

// settle goes on when something of the program is over: with the answer, and
// with its end.
func (p *program) settle() {
	if p.conn != nil && p.outOver && (p.ended || p.waited) {
		p.outputEnded()
	}
	switch {
	case p.child == nil || !p.ended || p.conn != nil && !p.outOver:
	case p.errsOver || p.waited:
		p.bury()
	default:
		// Its last words may still be on their way.
		p.errs.Receive()
		p.errs.Timeout(p.engine.patience)
	}
}

// bury frees all that the program has taken up. It has been reaped.
func (p *program) bury() {
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
		p.child.SignalGroup(syscall.SIGKILL)
		p.errs.Timeout(p.engine.grace)
	case (p.outOver || p.ended) && !p.waited:
		p.waited = true
		p.expect()
		p.settle()
	default:
		p.fail(504, fmt.Sprintf("it has said nothing for %v", p.engine.server.opt.Programs.Silence))
		p.stop()
	}
}

// cut ends the program without asking it.
func (p *program) cut() {
	if p.child != nil && !p.ended {
		p.stop()
		p.child.SignalGroup(syscall.SIGKILL)
	}
}

// killPrograms ends what still runs when the loop has ended. It waits for that,
// but not for what the kernel cannot end.
func (e *engine) killPrograms() {
	for p := range e.programs {
		if p.child == nil {
			continue // its start finds out
		}
		p.child.SignalGroup(syscall.SIGKILL)
		for deadline := time.Now().Add(lastCut); !p.tryWait(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				p.complain("it cannot be killed, and is left behind")
				break
			}
		}
		p.bury()
	}
}
