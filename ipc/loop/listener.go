package loop

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/ready"
)

const (
	// acceptTurn is how many connections one turn takes from one socket at
	// most: few enough that other loops on the same socket get theirs.
	acceptTurn = 64

	// drainMost is how many connections Drain takes: as many as the longest
	// queue holds (listen(2)), so that clients who keep coming do not hold it up.
	drainMost = 1 << 16

	// acceptPause is how long a listener rests when the system has nothing
	// left for a connection and nothing here can be given up for one.
	acceptPause = 100 * time.Millisecond
)

// An Acceptor is who a listener's connections are for.
type Acceptor interface {
	// Accepted takes ownership of a new connection, non-blocking and
	// close-on-exec. Peer is zero outside the Internet domains.
	Accepted(fd int, peer netip.AddrPort)

	// Exhausted says that a connection waits but no descriptor is left for
	// it (EMFILE, ENFILE). True: something was closed, try again in the next
	// turn. False: nothing can be; the listener then takes the connection with
	// the descriptor it keeps in reserve, hands it to Refused, and rests.
	Exhausted(err error) bool

	// Refused lends a connection that there is no room for, to say so without
	// waiting. The listener closes it.
	Refused(fd int)
}

// A Limiter is an Acceptor with a bound on its connections. It is asked for a place
// before each one is accepted, so that several loops keep to one bound.
type Limiter interface {
	Acceptor

	// Reserve keeps a place for the next connection. False: there is none, and
	// the listeners have been paused until there is one. Of the loops that
	// listen on one socket the kernel may have woken this one only: see Look.
	Reserve() bool

	// Unreserve gives the place back: no connection was there.
	Unreserve()
}

// A Listener takes connections from a listening socket. Several loops may
// listen on one socket: of those that wait, the kernel wakes one or a few.
type Listener struct {
	loop     *Loop
	acceptor Acceptor
	limiter  Limiter // the acceptor; nil: it is none
	fd       int     // borrowed from who called Listen
	reserve  int     // a spare descriptor to accept with when there is none; -1: none
	token    uint64
	share    int // connections to take in this turn
	watched  bool
	paused   bool // by Pause
	resting  bool // by itself
	closed   bool
}

// Listen takes connections from the listening, non-blocking socket fd until
// Close or Drain. It borrows fd, which must stay open as long.
func (l *Loop) Listen(fd *ipc.FD, a Acceptor) (*Listener, error) {
	ln := &Listener{loop: l, acceptor: a, fd: fd.Number(), reserve: spare(), share: 1,
		token: listenerToken | uint64(len(l.listeners))}
	ln.limiter, _ = a.(Limiter)
	if err := ln.watch(); err != nil {
		ln.dropReserve()
		return nil, fmt.Errorf("listen on %s: %w", fd, err)
	}
	l.listeners = append(l.listeners, ln)
	return ln, nil
}

// Pause leaves connections waiting in the kernel until Resume.
func (ln *Listener) Pause() {
	ln.paused = true
	ln.unwatch()
}

// Resume ends Pause.
func (ln *Listener) Resume() {
	ln.paused = false
	ln.goOn()
}

// goOn takes connections unless something speaks against it.
func (ln *Listener) goOn() {
	if ln.paused || ln.resting || ln.closed {
		return
	}
	if err := ln.watch(); err != nil {
		ln.rest()
	}
}

// Look takes connections that wait, unless it is paused: for when another loop was
// woken for them and has left them waiting.
func (ln *Listener) Look() { ln.ready() }

// Drain takes all connections that wait by now, whatever Pause says, and closes
// the listener. Those that no descriptor is left for it hands to Refused.
func (ln *Listener) Drain() {
	defer ln.Close()
	ln.unwatch()
	for range drainMost {
		fd, peer, errno := sys.Accept(ln.fd)
		switch errno {
		case 0:
			ln.acceptor.Accepted(fd, peer)
		case syscall.EMFILE, syscall.ENFILE:
			if !ln.refuse() {
				return
			}
		case syscall.EAGAIN, syscall.ENOBUFS, syscall.ENOMEM, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK:
			return
		}
	}
}

// Close takes no more connections. The socket stays open for who lent it.
func (ln *Listener) Close() {
	ln.unwatch()
	ln.dropReserve()
	ln.closed = true
}

func (ln *Listener) watch() error {
	if ln.watched {
		return nil
	}
	if err := ln.loop.poller.Add(ln.fd, ready.Readable|ready.Exclusive, ln.token); err != nil {
		return err
	}
	ln.watched = true
	return nil
}

func (ln *Listener) unwatch() {
	if ln.watched {
		ln.loop.poller.Remove(ln.fd)
		ln.watched = false
	}
}

// ready takes what waits, up to a share that follows the crowd: a look in vain
// costs as much as a connection, and with few clients each turn would have one.
func (ln *Listener) ready() {
	for taken := range ln.share {
		if !ln.watched {
			return
		}
		if ln.limiter != nil && !ln.limiter.Reserve() {
			return
		}
		fd, peer, errno := sys.Accept(ln.fd)
		if ln.limiter != nil && errno != 0 {
			ln.limiter.Unreserve()
		}
		switch errno {
		case 0:
			ln.acceptor.Accepted(fd, peer)
		case syscall.EAGAIN:
			ln.share = max(1, taken)
			return
		case syscall.EMFILE, syscall.ENFILE:
			ln.exhausted(errno)
			return
		case syscall.ENOBUFS, syscall.ENOMEM, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK:
			ln.rest()
			return
		default:
			// The connection ended before it was taken: ECONNABORTED, or a
			// network error of its own that Linux reports here (accept(2)).
		}
	}
	ln.share = min(2*ln.share, acceptTurn)
}

// exhausted takes the waiting connection with the descriptor in reserve, so
// that its client hears of it and the listener does not spin on what it cannot
// take.
func (ln *Listener) exhausted(errno syscall.Errno) {
	if ln.acceptor.Exhausted(os.NewSyscallError("accept", errno)) {
		return
	}
	ln.refuse()
	ln.rest()
}

// refuse takes a connection with the descriptor in reserve, hands it to Refused
// and reports whether there was one.
func (ln *Listener) refuse() bool {
	ln.dropReserve()
	fd, _, errno := sys.Accept(ln.fd)
	if errno == 0 {
		ln.acceptor.Refused(fd)
		sys.Close(fd)
	}
	ln.reserve = spare()
	return errno == 0
}

// rest takes no connection for a moment, whatever Resume says meanwhile.
func (ln *Listener) rest() {
	ln.resting = true
	ln.unwatch()
	ln.loop.After(acceptPause, func() {
		ln.resting = false
		ln.goOn()
	})
}

func (ln *Listener) dropReserve() {
	if ln.reserve >= 0 {
		sys.Close(ln.reserve)
		ln.reserve = -1
	}
}

// spare opens a descriptor to have one to give up.
func spare() int {
	fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}
