package ready

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A waker is a descriptor that every poller watches beside its own, so that
// another goroutine can end a Wait. Pollers embed it for its Wake.
type waker struct {
	read    int         // what the poller watches; -1 after close
	pending atomic.Bool // a Wake has been sent that no Wait has taken yet

	mu    sync.Mutex // Wake writes to no number that close has freed
	write int        // the same descriptor or the pipe's other end; -1 after close
	one   [8]byte    // what Wake writes; a local would be allocated under -race
	sink  [8]byte    // where drain reads it
}

// open must be called before anything else; close frees what it opened.
func (w *waker) open() error {
	var err error
	w.read, w.write, err = openWake()
	// An eventfd adds a number in native order to its counter (eventfd(2)).
	// Epoll never reads it back, and of ones it takes 2^64 before it is full.
	binary.NativeEndian.PutUint64(w.one[:], 1)
	return err
}

// Wake implements Poller. Only the first Wake before a Wait makes a system call.
func (w *waker) Wake() error {
	if !w.pending.CompareAndSwap(false, true) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.write < 0 {
		return nil
	}
	if _, err := unix.Write(w.write, w.one[:]); err != nil {
		w.pending.Store(false)
		return fmt.Errorf("wake: %w", os.NewSyscallError("write", err))
	}
	return nil
}

// taken says that the Wait under way has seen the wake. A Wake that comes
// before it is answered by that Wait, one that comes after it sends anew.
func (w *waker) taken() { w.pending.Store(false) }

// drain empties a descriptor that would else stay readable, and only then lets
// the next Wake send: the other way round its octets could be read here.
func (w *waker) drain() {
	unix.Read(w.read, w.sink[:])
	w.taken()
}

// usable says whether a Wait into dst makes sense.
func (w *waker) usable(dst []Fired) error {
	switch {
	case w.read < 0:
		return errClosed
	case len(dst) == 0:
		return errNoRoom
	}
	return nil
}

// close may run while other goroutines call Wake.
func (w *waker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.read < 0 {
		return fmt.Errorf("close poller: %w", os.ErrClosed)
	}
	unix.Close(w.read)
	if w.write != w.read {
		unix.Close(w.write)
	}
	w.read, w.write = -1, -1
	return nil
}
