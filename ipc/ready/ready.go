// Package ready waits for many descriptors at once: select(2), pselect(2),
// poll(2) and epoll(7) behind one contract, chosen by name at run time.
//
// Open makes a poller, Add names a descriptor, the conditions of interest and a
// token, and Wait returns which tokens fired. That is the lecture's idea: a set
// of descriptors, what is ready, a timeout. All pollers are level-triggered: a
// condition fires again in every Wait for as long as it holds. When more fires
// than Wait has room for, the rest comes first in the Waits that follow.
//
// The package does no I/O and owns none of the descriptors it watches. It does
// not retry: a signal ends a Wait. On Linux select and pselect are the system call
// pselect6, poll is ppoll, and epoll is epoll_pwait, or epoll_pwait2 with a finite
// timeout: that is what strace(1) shows. A poller has a descriptor of its own, for
// Wake.
package ready

import (
	"time"

	"xanadu/internal/sys"
)

// Brief is the longest timeout of a Wait that the Go scheduler is not told of: for
// callers to whom something happens within a moment. It spares the work that the
// scheduler does for a goroutine that may block for long.
const Brief = sys.Brief

// An Event is a set of conditions of a descriptor.
type Event uint8

const (
	// Readable: read(2) would not block; end of file counts as readable, and
	// so does a stream whose peer has only shut down its sending side.
	Readable Event = 1 << iota
	// Writable: write(2) would not block.
	Writable
	// Urgent: an exceptional condition, as out-of-band data (select's except
	// set, POLLPRI).
	Urgent
	// Failed: an error or a hang-up is pending. It is reported whether asked
	// for or not where the system call does so (poll, epoll); under select
	// such a descriptor is Readable or Writable instead, if that was asked.
	//
	// Failed does not come alone, so that a caller who only reads or writes
	// finds out as well: with a hang-up (POLLHUP) comes Readable, with an
	// error (POLLERR) Readable and Writable, asked for or not. That is what
	// select makes of the two.
	Failed
	// Exclusive asks Add that of the pollers that watch one descriptor only
	// one or few wake for an event (EPOLLEXCLUSIVE, Linux 4.5). It is a hint:
	// a poller that cannot do it wakes all. A descriptor added so cannot be
	// modified, only removed, and cannot be watched for Urgent.
	Exclusive
)

// A Fired is one descriptor's answer: the token of its Add and what holds.
type Fired struct {
	Token uint64
	Event Event
}

// A Poller waits for many descriptors at once. One goroutine owns it; only
// Wake may be called from another.
type Poller interface {
	// Add watches fd, which the caller keeps open. The token comes back with
	// every event, so that a reused descriptor number is never mistaken for
	// the old one; the largest, ^uint64(0), is the poller's own. Errors:
	// EEXIST when fd is watched already, EBADF, EPERM for a file that the
	// call cannot wait for (epoll and regular files), EINVAL for a number
	// select cannot hold, for the poller's own token, and for Exclusive
	// together with Urgent.
	Add(fd int, want Event, token uint64) error

	// Modify replaces what is asked of fd. Want 0 keeps it silent but for
	// Failed. ENOENT when fd is not watched, EINVAL when it was added, or is
	// asked now, to be Exclusive.
	Modify(fd int, want Event, token uint64) error

	// Remove stops watching fd. ENOENT when it is not watched. A descriptor
	// is removed or forgotten before it is closed: afterwards epoll may know
	// nothing of it, select and poll may find a newcomer under its number,
	// and as long as they find none they report it Failed.
	Remove(fd int) error

	// Forget is Remove for a descriptor that its owner closes next. Where
	// the kernel drops a closed descriptor by itself (epoll) it makes no
	// system call. An event already under way may still come back: its
	// token tells. A file that stays open under another descriptor (dup(2),
	// a child process) wants Remove: epoll reports a forgotten one, under its
	// old token, for as long as it is open anywhere.
	Forget(fd int) error

	// Wait fills dst and returns how many entries it filled: 0 after the
	// timeout, a Wake or a signal. A negative timeout waits for ever, and
	// zero does not wait at all. Any other timeout is rounded up to what the
	// call can express. The Go scheduler is told of waits longer than Brief;
	// during others (on Linux) the goroutine keeps its processor, and other
	// goroutines run only where GOMAXPROCS leaves them one. An empty dst is
	// EINVAL.
	Wait(dst []Fired, timeout time.Duration) (int, error)

	// Wake ends the Wait under way, or the next one, early. It may be called
	// from any goroutine, also after Close, when it does nothing. Several
	// Wakes before a Wait count as one.
	Wake() error

	// Close frees what the poller owns. The watched descriptors stay open.
	// Afterwards Wait, and a second Close, return os.ErrClosed, and Add EBADF.
	Close() error
}
