package proc

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// A Process is a child that Start has started. All methods are safe for
// concurrent use. Wait, WaitOrKill, Kill or TryWait reaps it; until then its
// number is its own, and a signal cannot reach a stranger.
type Process struct {
	pid          int
	leads        bool    // a process group, whose number is pid
	leadsSession bool    // and a session of that number
	pidfd        *ipc.FD // nil where the system has none

	waiting sync.Mutex    // held by the one who waits for the end
	reaped  chan struct{} // closed when the status is known

	mu     sync.Mutex // guards what follows: nobody signals while the number is given back
	ending bool       // what is left of the group goes with the child
	done   bool
	status Status
	err    error // of waiting
}

func newProcess(pid int, g Group) *Process {
	p := &Process{
		pid:          pid,
		leads:        g != ParentsGroup,
		leadsSession: g == OwnSession || g == OwnTerminal,
		reaped:       make(chan struct{}),
	}
	p.enlist()
	return p
}

// Pid returns the process number, which may be another's once the child has been
// reaped.
func (p *Process) Pid() int { return p.pid }

// PidFD lends a descriptor that refers to the child (pidfd_open(2), Linux 5.3):
// it is readable when the child has ended, and then TryWait tells how. It is
// closed when the status is known, so it is taken off a poller first. Where the
// system has none it is nil; there a goroutine that Waits does the same.
func (p *Process) PidFD() *ipc.FD { return p.pidfd }

// Signal sends a signal to the child (kill(2)). The error is os.ErrProcessDone
// when it has been reaped.
func (p *Process) Signal(sig syscall.Signal) error {
	return p.kill("process", p.pid, sig)
}

// SignalGroup sends a signal to the child's process group: to itself and to its
// descendants but those that have left for a group of their own. The group of a
// child that has ended can be reached until it is reaped; then the error is
// os.ErrProcessDone. It is EINVAL for a child that is in its parent's group.
func (p *Process) SignalGroup(sig syscall.Signal) error {
	if !p.leads {
		return fmt.Errorf("send %s to the group of process %d: %w: it has none of its own", signalName(sig), p.pid, unix.EINVAL)
	}
	return p.kill("the group of process", -p.pid, sig)
}

// SignalAll sends a signal to the child, wherever it is by now, and to its process
// group. On Linux, where there is a /proc, it sends it also to descendants that have
// left the group, and, when the child leads a session of its own and this process
// adopts orphans (AdoptOrphans), to those of the session whose parents have ended.
// Whoever has left the session as well and has no parent any more is not found: see
// KillHolders.
//
// After the child was reaped it does nothing.
func (p *Process) SignalAll(sig syscall.Signal) {
	if p.isDone() {
		return
	}
	if !p.leads {
		p.Signal(sig)
		return
	}
	// Before the signal ends those by whom they are found.
	strays := p.strays(sig)
	defer strays.tell()
	p.SignalGroup(sig)
	if group, err := unix.Getpgid(p.pid); err != nil || group != p.pid {
		p.Signal(sig) // it has left the group
	}
}

func (p *Process) kill(what string, number int, sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := os.ErrProcessDone
	if !p.done {
		err = os.NewSyscallError("kill", unix.Kill(number, sig))
	}
	if err != nil {
		return fmt.Errorf("send %s to %s %d: %w", signalName(sig), what, p.pid, err)
	}
	return nil
}

// Wait waits until the child has ended, reaps it and returns its status
// (waitid(2), wait4(2)); called again, or by several, it returns the same. It
// does not wait for descendants, nor for the end of the child's output.
//
// The error is ECHILD when somebody else has reaped it, or has the system do so
// by ignoring SIGCHLD: its status is lost then.
func (p *Process) Wait() (Status, error) {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	if _, err := p.awaitEnd(-1); err != nil {
		return Status{}, fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	return p.reap()
}

// TryWait is Wait if the child has ended, and returns at once in any case. While
// another goroutine is in Wait, the end is that one's to find.
func (p *Process) TryWait() (status Status, ended bool, err error) {
	if !p.waiting.TryLock() {
		return Status{}, false, nil
	}
	defer p.waiting.Unlock()
	ended, err = p.awaitEnd(0)
	if err != nil {
		return Status{}, false, fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	if ended {
		status, err = p.reap()
	}
	return status, ended, err
}

// WaitOrKill is Wait for at most limit. Then it is Kill, and the error is
// os.ErrDeadlineExceeded; the status is there all the same.
func (p *Process) WaitOrKill(limit, grace time.Duration) (Status, error) {
	if p.endsWithin(limit) {
		return p.Wait()
	}
	status, err := p.Kill(grace)
	if err == nil {
		err = fmt.Errorf("wait for process %d: %w", p.pid, os.ErrDeadlineExceeded)
	}
	return status, err
}

// Kill ends the child and whatever SignalAll reaches: it asks with SIGTERM, waits for the child
// for as long as grace, and then sends SIGKILL to whatever is left.
// A grace of 0 does not ask. It reaps the child and returns its status. It
// returns late if the kernel cannot end it, as in the middle of a transfer to a
// disk that does not answer.
//
// Of a child in its parent's group it is the end of the child alone.
func (p *Process) Kill(grace time.Duration) (Status, error) {
	p.TakeGroupAlong()
	// These fail if the child has been reaped, which is what they are for.
	if grace > 0 {
		p.SignalAll(unix.SIGTERM)
		p.endsWithin(grace)
	}
	p.SignalAll(unix.SIGKILL)
	p.waiting.Lock()
	defer p.waiting.Unlock()
	p.awaitEnd(-1) // if that fails, reaping waits as well
	return p.reap()
}

// Ended reports whether the child has ended, and how, and leaves it to be reaped:
// until then its group and its session can be reached. It does not wait, and says
// nothing of what the child took up (Usage). Elsewhere than on Linux it is TryWait.
func (p *Process) Ended() (status Status, ended bool, err error) { return p.peek() }

// TakeGroupAlong has whatever is left of the child's group killed (SIGKILL) when
// the child is reaped, so that nobody survives it but those who have left for a
// group of their own. It does nothing for a child in its parent's group.
func (p *Process) TakeGroupAlong() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
}

// endsWithin waits for the child's end for a while and does not reap it.
func (p *Process) endsWithin(d time.Duration) bool {
	d = max(d, 0)
	if p.waiting.TryLock() {
		defer p.waiting.Unlock()
		over, err := p.awaitEnd(d)
		return over && err == nil
	}
	// Whoever waits already reaps it at its end.
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.reaped:
		return true
	case <-timer.C:
		return false
	}
}

// isDone reports whether the child has been reaped.
func (p *Process) isDone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// reap takes the status of the child, which has ended (wait4(2)), and gives back
// its number, unless that has been done. The caller holds waiting.
func (p *Process) reap() (Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.done {
		if p.ending && p.leads {
			// The group's number is safe for as long as its leader is there.
			unix.Kill(-p.pid, unix.SIGKILL)
		}
		p.finish(wait4(p.pid))
	}
	if p.pidfd != nil && p.pidfd.Number() >= 0 {
		p.pidfd.Close()
	}
	return p.status, p.err
}

// finish keeps the status. The caller holds mu, or nobody else knows p.
func (p *Process) finish(status Status, err error) {
	p.done = true
	p.status = status
	if errors.Is(err, unix.ECHILD) {
		err = fmt.Errorf("%w: somebody else has, or SIGCHLD is ignored", err)
	}
	if err != nil {
		p.err = fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	p.delist()
	close(p.reaped)
}
