package ready

import (
	"fmt"
	"syscall"
	"time"
)

// A MaskedPoller can wait under a signal mask of its own: pselect, and on Linux
// poll (as ppoll(2)) and epoll (as epoll_pwait(2)) too.
type MaskedPoller interface {
	Poller

	// WaitMask is Wait with mask as the calling thread's signal mask: its
	// signals are blocked and all others are not. The kernel sets the mask
	// and begins to wait in one step and puts the old one back at the end, so
	// a signal that the thread keeps blocked elsewhere arrives in here and
	// nowhere else, and ends the wait. It means something only to a goroutine
	// locked to its thread (runtime.LockOSThread); a signal for the whole
	// process is taken by any thread that does not block it.
	WaitMask(dst []Fired, timeout time.Duration, mask SignalSet) (int, error)
}

// A SignalSet is a set of signals: bit n-1 stands for signal n.
type SignalSet uint64

// Signals returns the set of the given signals. It panics when a number is not
// in 1 to 64.
func Signals(signals ...syscall.Signal) SignalSet {
	var set SignalSet
	for _, s := range signals {
		if s < 1 || s > 64 {
			panic(fmt.Sprintf("ready: Signals(%d): not a signal from 1 to 64", int(s)))
		}
		set |= 1 << (s - 1)
	}
	return set
}
