package loop

import (
	"net/netip"
	"os"
	"syscall"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc/ready"
)

// A Handler is who a stream's completions are for. It is called on the loop's
// goroutine, never from within a method of its own stream.
type Handler interface {
	// Received lends b, bytes that came in, until it returns. It is called
	// until Pause, Ended or Close.
	Received(b []byte)

	// Ended says that nothing more will be received: nil after the peer's
	// end of file, else why. A connection that breaks ends also while paused.
	// The stream is still the handler's to close.
	Ended(err error)

	// Sent says that a Send or SendFile that had not finished at once has
	// taken everything, or why it never will: io.ErrUnexpectedEOF when the
	// file ended before its range did. After an error nothing can be sent.
	Sent(err error)

	// Expired says that the time of Timeout is up.
	Expired()

	// Resumed is what Later asked for.
	Resumed()
}

// A Stream is a connected stream socket, or an end of a pipe, on a loop. It is
// embedded in what its handler keeps of a connection, and owns its descriptor from Attach to Close.
// All methods belong to the loop's goroutine.
type Stream struct {
	loop    *Loop
	handler Handler
	token   uint64 // names the stream in the poller; 0: closed, or never attached

	due        time.Duration // meaningful while timeout is set
	timeout    *Timeout
	prev, next *Stream // in timeout

	out *outgoing // what is still to be sent; nil: nothing

	fd        int32
	asked     ready.Event // what the poller was asked for
	watched   bool        // the poller knows the stream
	pipe      bool        // read(2) and write(2) it: it is no socket
	signal    bool        // do not read it: that it is readable says all
	receiving bool
	told      bool // Ended was called
	later     bool // Resumed is due
	queued    bool // stands in loop.soon
}

// A token is a serial number above a slot in Loop.streams. The serial never
// comes again, so an event of a closed stream finds nobody. The top bit marks
// listeners.
const (
	slotBits      = 24 // 16 million streams a loop
	slotMask      = 1<<slotBits - 1
	listenerToken = 1 << 63
)

// sendTurn is how much of one send a turn passes on before others have theirs:
// enough that the cost of a turn vanishes in it, and about a millisecond of a
// fast network.
const sendTurn = 1 << 20

// Attach makes s the stream of the connected, non-blocking socket fd on l and
// takes ownership of the number. Nothing is received before Receive. It panics
// when s is attached already.
func (l *Loop) Attach(s *Stream, fd int, h Handler) {
	if s.token != 0 {
		panic("loop: Attach: the stream is attached already")
	}
	slot := uint32(len(l.streams))
	if n := len(l.free); n > 0 {
		slot, l.free = l.free[n-1], l.free[:n-1]
		l.streams[slot] = s
	} else {
		if slot > slotMask {
			panic("loop: Attach: too many streams")
		}
		l.streams = append(l.streams, s)
	}
	l.serial++
	*s = Stream{loop: l, handler: h, fd: int32(fd), token: l.serial<<slotBits&^listenerToken | uint64(slot)}
}

// AttachPipe is Attach for a non-blocking end of a pipe, or of another file that
// can be waited for. What is sent to it is bytes only, and CloseWrite does
// nothing: a pipe's writer ends it by Close.
func (l *Loop) AttachPipe(s *Stream, fd int, h Handler) {
	l.Attach(s, fd, h)
	s.pipe = true
}

// AttachSignal is Attach for a descriptor that is never read: it becomes readable
// when something has happened, as a pidfd does at the end of its process
// (pidfd_open(2)), and Ended with nil then says so.
func (l *Loop) AttachSignal(s *Stream, fd int, h Handler) {
	l.Attach(s, fd, h)
	s.signal = true
}

// watching returns the stream that a token names, or nil when it was closed.
func (l *Loop) watching(token uint64) *Stream {
	if slot := token & slotMask; slot < uint64(len(l.streams)) {
		if s := l.streams[slot]; s != nil && s.token == token {
			return s
		}
	}
	return nil
}

// Attached reports whether s stands on a loop: from Attach to Close.
func (s *Stream) Attached() bool { return s.token != 0 }

// Receive asks for bytes: from now on Received is called with what comes. What
// has come already is fetched in this turn, before the poller learns of the
// stream, so that a connection of one request costs it nothing.
func (s *Stream) Receive() {
	if s.token == 0 || s.receiving || s.told {
		return
	}
	s.receiving = true
	if !s.watched {
		s.goOnSoon()
	} else if s.out == nil && s.asked != ready.Readable {
		s.watch(ready.Readable)
	}
}

// Pause ends what Receive began. Bytes that come meanwhile wait in the kernel.
func (s *Stream) Pause() { s.receiving = false }

// Later asks for a call of Resumed after other streams have had theirs, at the
// end of this turn or, from within Resumed, of the next: for a handler that has
// much to do.
func (s *Stream) Later() {
	if s.token != 0 {
		s.later = true
		s.goOnSoon()
	}
}

func (s *Stream) goOnSoon() {
	if !s.queued {
		s.queued = true
		s.loop.soon = append(s.loop.soon, s)
	}
}

// goOn does what was put off in Receive and Later.
func (s *Stream) goOn() {
	s.queued = false
	if s.token == 0 {
		return
	}
	token := s.token
	if s.later {
		s.later = false
		s.handler.Resumed()
	}
	if s.token == token && s.receiving && s.unknown() && !s.signal {
		s.receive()
	}
	if s.token != token || !s.unknown() {
		return
	}
	switch {
	case s.receiving:
		s.watch(ready.Readable)
	case !s.later:
		s.watch(0) // to hear when the connection breaks
	}
}

// unknown reports whether the poller has yet to hear of an open stream.
func (s *Stream) unknown() bool { return !s.watched && s.out == nil && !s.told }

// ready acts on what the poller says of the stream.
func (s *Stream) ready(ev ready.Event) {
	switch {
	case s.out != nil:
		if ev&(ready.Writable|ready.Failed) != 0 {
			s.push()
		}
	case s.receiving:
		if ev&(ready.Readable|ready.Failed) != 0 {
			s.receive()
		}
	case ev&ready.Failed != 0:
		// Nobody reads, nobody writes, and the connection is gone. It would
		// be reported in every turn from here on.
		s.unwatch()
		if s.pipe {
			// Its other end was closed. What was written before can still be
			// read, and whoever writes will find out.
			return
		}
		s.end(os.NewSyscallError("recv", syscall.ECONNRESET))
	default:
		s.watch(0)
	}
}

func (s *Stream) receive() {
	l := s.loop
	if s.signal {
		s.unwatch()
		s.end(nil)
		return
	}
	read, call := sys.Recv, "recv"
	if s.pipe {
		read, call = sys.Read, "read"
	}
	n, errno := read(int(s.fd), l.in)
	switch {
	case n > 0:
		s.handler.Received(l.in[:n])
	case errno == syscall.EAGAIN:
	default:
		// The end stays readable, and would be reported in every turn.
		s.unwatch()
		var err error
		if errno != 0 {
			err = os.NewSyscallError(call, errno)
		}
		s.end(err)
	}
}

// end tells the handler, once, that nothing more will be received.
func (s *Stream) end(err error) {
	s.receiving = false
	if !s.told {
		s.told = true
		s.handler.Ended(err)
	}
}

// watch has the poller report what is wanted of the stream from now on.
func (s *Stream) watch(want ready.Event) {
	var err error
	switch p := s.loop.poller; {
	case !s.watched:
		err = p.Add(int(s.fd), want, s.token)
	case s.asked != want:
		err = p.Modify(int(s.fd), want, s.token)
	}
	if err != nil {
		// The poller is out of memory or room (select(2) holds few): there is
		// no way to hear of this stream again.
		s.fail(err)
		return
	}
	s.watched, s.asked = true, want
}

// unwatch has the poller leave the stream alone until the next watch.
func (s *Stream) unwatch() {
	if s.watched {
		s.loop.poller.Remove(int(s.fd))
		s.watched, s.asked = false, 0
	}
}

// fail ends both directions and says so to the handler in the next turn, since
// it may be the handler who called.
func (s *Stream) fail(err error) {
	s.receiving = false
	s.unwatch()
	token := s.token
	s.loop.After(0, func() {
		if s.token == token {
			s.end(err)
		}
	})
}

// CloseWrite ends the sending direction: the peer sees an end of file after all
// that was sent (shutdown(2)).
func (s *Stream) CloseWrite() {
	if s.token != 0 && !s.pipe {
		sys.ShutdownWrite(int(s.fd))
	}
}

// Close ends the stream; its handler is not called again. The descriptor is
// closed at the end of the turn. What the kernel has taken it goes on to send.
// A second Close does nothing.
func (s *Stream) Close() {
	if s.token == 0 {
		return
	}
	l := s.loop
	s.leaveTimeout()
	if s.watched {
		l.poller.Forget(int(s.fd))
	}
	slot := uint32(s.token & slotMask)
	l.streams[slot] = nil
	l.free = append(l.free, slot)
	l.doomed = append(l.doomed, s.fd)
	s.token, s.out, s.handler, s.fd = 0, nil, nil, -1
}

// Reset is Close for a stream whose peer must not take what it got for all there
// was: where the protocol can say so, as TCP by a reset, it is said.
func (s *Stream) Reset() {
	if s.token != 0 && !s.pipe && !s.signal {
		sys.ResetOnClose(int(s.fd))
	}
	s.Close()
}

// Broken reports whether the connection has failed since it was last asked
// (SO_ERROR, socket(7)): for one of which nothing more is received.
func (s *Stream) Broken() bool { return s.token == 0 || sys.SocketError(int(s.fd)) != 0 }

// Local returns the address of this end of a connected socket (getsockname(2));
// zero outside the Internet domains.
func (s *Stream) Local() netip.AddrPort {
	if s.token == 0 {
		return netip.AddrPort{}
	}
	return sys.Local(int(s.fd))
}

// Unsent returns how many bytes of a Send under way, or of one that failed, the
// kernel has not taken.
func (s *Stream) Unsent() int64 {
	if s.out == nil {
		return 0
	}
	return s.out.left()
}

// Undelivered returns how many bytes of all that was sent the peer's side has
// not acknowledged: those not yet taken by the kernel, and those that wait in
// it. A peer that reads makes the number fall.
func (s *Stream) Undelivered() int64 {
	if s.token == 0 {
		return 0
	}
	if s.pipe {
		return s.Unsent()
	}
	return int64(sys.Unacknowledged(int(s.fd))) + s.Unsent()
}
