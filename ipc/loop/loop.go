// Package loop is one goroutine on one kernel queue: it waits for many streams
// and speaks to their owners in completions. "Here are bytes", "all of it is
// sent", "the time is up", instead of "may be readable".
//
// New makes a loop over a ready.Poller, Listen takes connections, Attach makes a
// Stream of one, and Run turns until Stop. A Stream's Handler is called back on
// the loop's goroutine, so that nothing a loop owns needs a lock; Post is the one
// door for other goroutines. Received bytes are lent for the length of the call
// back, so an idle stream owns no buffer.
//
// The contract names no readiness: a backend that submits whole operations
// (io_uring) can stand where the pollers stand.
package loop

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc/ready"
)

const (
	// receiveSize is what one call receives at most: a whole loopback segment
	// of 64 KiB, and enough that a short count means that the socket is empty.
	receiveSize = 64 << 10

	// BufferSize is the capacity of the buffers that Buffer lends.
	BufferSize = 64 << 10

	// firedSize is how many events one turn takes from the kernel. More wait
	// there; the number only bounds how long timers and posts wait.
	firedSize = 256

	// busyEvents is from how many events on a turn makes it likely that the
	// next one need not sleep.
	busyEvents = 8
)

// A Loop owns its streams, listeners, timers and buffers. Its goroutine is the
// one that calls Run; all methods but Post and Stop belong to that goroutine,
// or, before Run, to the one that set the loop up.
type Loop struct {
	poller ready.Poller
	fired  []ready.Fired
	busy   bool // the last turn found much: look again before sleeping

	// A send was gone on with in the last turn, for which the kernel has room
	// again within a moment.
	sending bool

	streams   []*Stream // by the slot in their token; nil: free
	free      []uint32  // free slots
	serial    uint64    // of the newest token
	listeners []*Listener

	now      time.Duration // since start, read once a turn
	start    time.Time     // carries the monotonic clock
	timeouts []*Timeout
	timers   []timer

	in      []byte    // what Received lends
	buffer  []byte    // what Buffer lends
	unsent  outgoing  // the send under way while it is tried at once
	soon    []*Stream // to go on with before the next wait
	turning []*Stream // the previous soon, being worked off
	doomed  []int32   // descriptors to close at the end of the turn

	endOfTurn func()

	posts    atomic.Pointer[post] // newest first; &closed after the end
	sleeping atomic.Bool          // in a Wait that only Wake ends
	stopped  atomic.Bool
}

// New makes a loop that waits with p and takes ownership of it.
func New(p ready.Poller) *Loop {
	return &Loop{
		poller: p,
		fired:  make([]ready.Fired, firedSize),
		start:  time.Now(),
		in:     make([]byte, receiveSize),
		buffer: make([]byte, 0, BufferSize),
	}
}

// EndOfTurn has f run at the end of every turn, after all its call backs: for
// what a turn gathers, as lines of a log.
func (l *Loop) EndOfTurn(f func()) { l.endOfTurn = f }

// Handlers calls f for each attached stream's handler. F may close streams.
func (l *Loop) Handlers(f func(Handler)) {
	for _, s := range l.streams {
		if s != nil {
			f(s.handler)
		}
	}
}

// Now is the time of this turn, on the loop's own clock that begins at New.
func (l *Loop) Now() time.Duration { return l.now }

// Run turns the loop on a thread of its own until Stop, then runs what was
// posted and closes the poller. The handlers of streams that are still attached
// are told Ended(os.ErrClosed), and what they leave open is closed. It returns
// early only when the poller fails.
func (l *Loop) Run() (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer l.close()
	for !l.stopped.Load() {
		if err := l.turn(); err != nil {
			return fmt.Errorf("loop: %w", err)
		}
	}
	return nil
}

// Stop ends Run after the turn under way. It may be called from any goroutine.
func (l *Loop) Stop() {
	l.stopped.Store(true)
	l.poller.Wake()
}

// turn waits once and calls back what is ready. A descriptor closed during the
// turn is only doomed: its number is freed at the end of it, so that no event
// still waiting in l.fired can name a newcomer.
func (l *Loop) turn() error {
	n, err := l.wait()
	if err != nil {
		return err
	}
	l.now = time.Since(l.start)
	l.sending = false
	l.runPosts()
	for _, f := range l.fired[:n] {
		l.dispatch(f)
	}
	l.runTimers()
	l.runSoon()
	l.closeDoomed()
	if l.endOfTurn != nil {
		l.endOfTurn()
	}
	return nil
}

// wait looks without sleeping while there is much to do: only a wait that may
// sleep tells the scheduler. With little to do a look would mostly be in vain,
// and cost more than the telling.
func (l *Loop) wait() (n int, err error) {
	if l.busy || len(l.soon) > 0 {
		n, err = l.poller.Wait(l.fired, 0)
	}
	if n == 0 && err == nil && len(l.soon) == 0 {
		n, err = l.sleep()
	}
	l.busy = n >= busyEvents
	return n, err
}

// sleep waits for an event, a timer or a post. A post made before sleeping is
// set is seen here, and one made after it wakes the poller.
func (l *Loop) sleep() (int, error) {
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	l.now = time.Since(l.start)
	timeout := l.untilTimer()
	if l.called() {
		timeout = 0
	}
	if l.sending && (timeout < 0 || timeout > ready.Brief) {
		n, err := l.poller.Wait(l.fired, ready.Brief)
		if n > 0 || err != nil || l.called() {
			return n, err
		}
		l.now = time.Since(l.start)
		timeout = l.untilTimer()
	}
	return l.poller.Wait(l.fired, timeout)
}

// called reports whether another goroutine wants something of the loop.
func (l *Loop) called() bool { return l.posts.Load() != nil || l.stopped.Load() }

func (l *Loop) dispatch(f ready.Fired) {
	if f.Token&listenerToken != 0 {
		l.listeners[f.Token&^listenerToken].ready()
		return
	}
	if s := l.watching(f.Token); s != nil {
		s.ready(f.Event)
	}
}

// runSoon goes on with the streams that gave way to others. What they put off
// again waits for the next turn.
func (l *Loop) runSoon() {
	if len(l.soon) == 0 {
		return
	}
	l.turning, l.soon = l.soon, l.turning[:0]
	for i, s := range l.turning {
		l.turning[i] = nil
		s.goOn()
	}
}

func (l *Loop) closeDoomed() {
	for _, fd := range l.doomed {
		sys.Close(int(fd))
	}
	l.doomed = l.doomed[:0]
}

func (l *Loop) close() {
	l.runPosts()
	l.refusePosts()
	for _, ln := range l.listeners {
		ln.Close()
	}
	for i := 0; i < len(l.streams); i++ { // a handler may attach one more
		if s := l.streams[i]; s != nil {
			s.end(os.ErrClosed)
			s.Close()
		}
	}
	l.closeDoomed()
	if l.endOfTurn != nil {
		l.endOfTurn()
	}
	l.poller.Close()
}
