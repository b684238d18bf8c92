package proc

import (
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/internal/sys"
)

// reapEvery is how often orphans that have ended are reaped while there are
// children: often enough for a fork in a loop not to fill the table of processes.
// Only tests change it.
var reapEvery = time.Second

// started wakes the goroutine of AdoptOrphans when there are children again.
var started = make(chan struct{}, 1)

// AdoptOrphans has the descendants of this process come to it when their parents
// end (prctl(2), PR_SET_CHILD_SUBREAPER), as they come to process 1 otherwise, and
// reaps those that have ended, within about a second. SignalAll, KillHolders and
// Kill find them then. Process 1 itself, as in a container, calls it lest its
// zombies fill the table of processes.
//
// What has been started is left alone: by Start, and by others who hold a pidfd of
// it, as os/exec and os.StartProcess do where there is a /proc. A child of
// syscall.ForkExec may be taken for an orphan.
//
// Stop ends that; orphans that are there stay until this process ends. Errors wrap
// the errno of prctl.
func AdoptOrphans() (stop func(), err error) {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("adopt orphans: %w", os.NewSyscallError("prctl", err))
		}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go adopt(reapEvery, quit, done)
	return func() {
		if os.Getpid() != 1 {
			unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
		}
		close(quit)
		<-done
	}, nil
}

// adopt reaps now and then until quit. While there is no child, nobody can become an
// orphan of this process but of process 1, to which strangers come.
func adopt(every time.Duration, quit <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	for {
		var (
			wake <-chan struct{}
			tick <-chan time.Time
		)
		if reapOrphans() || os.Getpid() == 1 {
			tick = time.After(every)
		} else {
			wake = started
		}
		select {
		case <-quit:
			reapOrphans()
			return
		case <-wake:
		case <-tick:
		}
	}
}

// reapOrphans reaps the children that have ended and are nobody's, and reports
// whether children are left.
func reapOrphans() (left bool) {
	for {
		end, errno := sys.PeekEnd(0)
		switch {
		case errno != 0:
			return false
		case end.Pid == 0:
			return true
		}
		ended := []int{end.Pid}
		if procTells() {
			all := childrenOf(os.Getpid(), math.MaxInt)
			// One that somebody will wait for stands in front of the others.
			ended = append(ended, slices.DeleteFunc(all, func(pid int) bool {
				end, errno := sys.PeekEnd(pid)
				return errno != 0 || end.Pid == 0
			})...)
		}
		if reapOf(ended) == 0 {
			return true
		}
	}
}

// reapOf reaps those of the children, which have ended, that are nobody's, and
// returns how many.
func reapOf(ended []int) (n int) {
	// They were there before this is asked: who started one has its pidfd by now,
	// or has it among ours when nothing is being started.
	held := heldByPidfd(-1)
	if births.Load() > 0 && (held == nil || withoutPidfd.Load()) {
		return 0
	}
	for _, pid := range ended {
		if !isOurs(pid) && !held[pid] {
			if reaped, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); reaped > 0 {
				n++
			}
		}
	}
	return n
}

// wakeAdopter says that a child was started.
func wakeAdopter() {
	select {
	case started <- struct{}{}:
	default:
	}
}
