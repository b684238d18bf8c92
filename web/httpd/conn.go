package httpd

import (
	"errors"
	"io"
	"net/netip"

	"xanadu/ipc/loop"
	"xanadu/web"
	"xanadu/web/http1"
)

const (
	// pipelineTurn is how many requests of one connection a turn answers
	// before others have theirs.
	pipelineTurn = 32

	// maxContent bounds the content of a request that is read only to get past
	// it. More costs a client less as a new connection than as the reading.
	maxContent = 256 << 10

	// passTurn is how many octets of long content one connection's turn passes
	// on before others have theirs.
	passTurn = 1 << 20

	// maxUnsteady is how often the site is asked again because a file has
	// changed since it looked. What changes faster than that is begun to be
	// sent, and broken off.
	maxUnsteady = 3

	// fairRate is what a client must take of its reply, in octets a second,
	// over a whole ReplyTimeout: a tenth of a telephone modem's.
	fairRate = 500
)

// A state says what a connection waits for.
type state uint8

const (
	reading   state = iota // for a request head, or for content to skip before it
	asking                 // for the site's answer
	running                // for a program that answers
	making                 // for the next piece of a stream
	sending                // for the kernel to take the replies so far
	yielding               // for its next turn, with requests at hand
	lingering              // for the client's end, after our own
	over                   // for nothing: it is closed
)

// A closing says what becomes of a connection after the reply under way.
type closing uint8

const (
	staysOpen    closing = iota
	closes               // at once
	closesGently         // after reading on for a while, since something is unread
)

// A conn is one connection. It goes from reading to asking, making, sending or
// yielding and back as its requests demand, and from any of them to lingering and
// over.
//
// It owns no buffer while it is idle: rest holds what is left of a request that
// came in part, or of a pipeline that has to wait.
type conn struct {
	loop.Stream
	engine *engine
	peer   netip.AddrPort

	rest     []byte        // received and not yet used; nil: nothing
	transfer *transfer     // the reply under way that did not go out at once; nil: none
	job      *job          // in asking and making: what the crew does for it
	asked    *web.Request  // in asking: what the site is asked for
	program  *program      // in running: what answers
	limit    *loop.Timeout // what it is limited by; nil: nothing, or it has just begun a request
	skip     int64         // octets of content of known length still to skip
	skipped  int64         // octets of chunked content, or read in lingering, so far
	left     int64         // undelivered when the time for the reply last began
	written  int64         // octets of all replies so far, passed on to be sent
	chunks   http1.Chunked // what is left of content in chunks

	state   state
	closing closing
	chunked bool // content in chunks is to be skipped

	redirects  uint8 // local redirects of the present request
	unsteady   uint8 // replies to it that did not hold any more when they came
	early      uint8 // octets of the next response that were sent already
	halfClosed bool  // the client's end of file has been seen
	cut        bool  // what was sent must not pass for all there is
}

// Received takes up bytes of the client.
func (c *conn) Received(b []byte) {
	if c.state == lingering {
		if c.skipped += int64(len(b)); c.skipped > maxLinger {
			c.giveUp()
		}
		return
	}
	if c.state == running {
		c.program.received(b)
		return
	}
	if len(c.rest) > 0 {
		c.rest = append(c.rest, b...)
		b = c.rest
	}
	c.goOn(b)
}

// Resumed goes on with a pipeline that gave way.
func (c *conn) Resumed() { c.goOn(c.rest) }

// Sent goes on when the kernel has taken the replies so far, or never will.
func (c *conn) Sent(err error) {
	if err != nil {
		c.breakOff(err)
		return
	}
	if c.state == running {
		c.program.clientSent()
		return
	}
	c.engine.out = c.engine.loop.Buffer()
	if c.carryOn() {
		c.run(c.rest)
	}
}

// deliver answers r with en and goes on with what has come meanwhile.
func (c *conn) deliver(r *web.Request, en *entry) {
	c.engine.out = c.engine.loop.Buffer()
	if c.use(r, en) {
		c.run(c.rest)
	}
}

// use answers r with en, which is freed then when nobody else needs it.
func (c *conn) use(r *web.Request, en *entry) bool {
	en.users++
	en.countLoose(&c.engine.server.loose)
	goOn := c.respond(r, en)
	en.done()
	return goOn
}

func (c *conn) goOn(b []byte) {
	c.engine.out = c.engine.loop.Buffer()
	c.run(b)
}

// run answers the requests at the front of b. The replies gather in the
// engine's out, which goes to the kernel when it is full, when the next reply
// does not follow at once, and at the end.
func (c *conn) run(b []byte) {
	e := c.engine
	c.state = reading
	e.passed = 0
	for n := 0; ; n++ {
		b = c.skipContent(b)
		if c.closing != staysOpen || c.unread() || len(b) == 0 {
			break
		}
		if n == pipelineTurn || len(e.out) > outFull || e.passed > passTurn {
			c.giveWay(b)
			return
		}
		r := &e.request
		r.Peer = c.peer
		size, err := http1.ParseHead(r, b)
		if err == http1.ErrMore {
			break
		}
		if err != nil {
			// Nothing behind a head that was not understood can be.
			status, why := refusal(err)
			c.refuse(status, why, r, b)
			return
		}
		if e.trusting {
			r.Peer = e.server.opt.TrustProxy.Client(c.peer, r.Fields)
		}
		e.now()
		e.noteRequest()
		r.Received = e.clock
		en := c.lookup(r)
		if en == nil && len(e.out) > 0 {
			// What is answered already shall not wait for the site.
			c.giveWay(b)
			return
		}
		e.traceRequest(b[:size])
		c.begin(r)
		if en == nil {
			v := e.server.volumeOf(r)
			if !e.server.isStuck(v) {
				c.ask(r, v, b[size:])
				return
			}
			en = e.unresponsive(r)
		}
		if !c.use(r, en) {
			c.keep(b[size:])
			return
		}
		b = b[size:]
	}
	c.settle(b)
}

// lookup returns what answers r when nobody has to wait for it.
func (c *conn) lookup(r *web.Request) *entry {
	if !r.IsGet() || r.Length > maxContent {
		return nil
	}
	return c.engine.lookup(r, c.connection(r))
}

// begin notes what follows the head r: content to skip, another request, or
// the end.
func (c *conn) begin(r *web.Request) {
	c.limit = nil
	c.redirects, c.unsteady = 0, 0
	c.skip, c.chunked = r.Length, r.Chunked
	if c.chunked {
		c.chunks, c.skipped = http1.Chunked{}, 0
	}
	c.closing = c.after(r)
	if r.Continue || r.Length > maxContent {
		// Whether the content comes after a final reply is up to the client
		// (RFC 9110 §10.1.1): only the end of the connection makes it clear.
		c.closing = closesGently
	}
}

// after says what becomes of the connection after r, of which all is read.
func (c *conn) after(r *web.Request) closing {
	switch {
	case !r.KeepAlive:
		return closes
	case c.engine.ending || c.engine.server.opt.OneAtATime:
		// The client may have sent more by now (RFC 9112 §9.6).
		return closesGently
	}
	return staysOpen
}

// skipContent passes over content at the front of b and returns what follows.
func (c *conn) skipContent(b []byte) []byte {
	if c.skip > 0 {
		n := min(c.skip, int64(len(b)))
		c.skip -= n
		return b[n:]
	}
	for c.chunked && len(b) > 0 {
		_, n, err := c.chunks.Next(b)
		b = b[n:]
		c.skipped += int64(n)
		switch {
		case err == io.EOF:
			c.chunked = false
		case err != nil || c.skipped > maxContent:
			// Where the next request begins is unknown, or too far away. The
			// reply to this one has gone out or is in front of us.
			c.chunked, c.closing = false, closesGently
		}
	}
	return b
}

// unread reports whether content is still to come.
func (c *conn) unread() bool { return c.skip > 0 || c.chunked }

// settle ends a run: all requests at hand are answered, but for b, which is the
// beginning of another.
func (c *conn) settle(b []byte) {
	c.keep(b)
	if !c.flush() {
		return
	}
	e := c.engine
	between := len(b) == 0 && !c.unread() // one request and the next
	switch {
	case c.closing == closes && between, c.halfClosed:
		c.part()
		return
	case c.closing != staysOpen, e.ending && between:
		c.linger()
		return
	case c.unread():
		c.limitBy(e.skip)
	case len(b) > 0:
		c.limitBy(e.head)
	default:
		c.allow(e.idle)
	}
	c.Receive()
}

// allow gives c the time of q from now on, in place of the time it had; a nil q
// is for as long as it takes.
func (c *conn) allow(q *loop.Timeout) {
	c.limit = q
	c.Timeout(q)
	c.engine.regulate()
}

// limitBy is allow for a head or content that is being received: no further
// byte of it extends its time.
func (c *conn) limitBy(q *loop.Timeout) {
	if c.limit != q {
		c.allow(q)
	}
}

// keep has rest hold b, which may be a part of it.
func (c *conn) keep(b []byte) {
	if len(b) == 0 {
		c.rest = nil
		return
	}
	c.rest = append(c.rest[:0], b...)
}

// giveWay sends what has gathered and goes on with b in the next turn.
func (c *conn) giveWay(b []byte) {
	c.keep(b)
	if c.flush() {
		c.wait(yielding, nil)
		c.Later()
	}
}

// wait receives nothing until state s, which has the time of q, is over.
func (c *conn) wait(s state, q *loop.Timeout) {
	c.state = s
	c.Pause()
	c.allow(q)
}

// flush sends what has gathered. It returns false when the connection has to
// wait for the kernel, or is over.
func (c *conn) flush() bool {
	e := c.engine
	if len(e.out) == 0 {
		return true
	}
	done, err := c.Send(e.out, nil, false)
	e.out = e.loop.Buffer()
	return c.sent(done, err)
}

// sent acts on the result of a Send and returns whether it is done.
func (c *conn) sent(done bool, err error) bool {
	switch {
	case err != nil:
		c.breakOff(err)
		return false
	case !done:
		c.wait(sending, c.engine.reply)
		c.left = c.Undelivered()
	}
	return done
}

// refuse answers what could not be read as a request, at the front of b, of
// which r holds as much as could be told, and ends the connection.
func (c *conn) refuse(status int, why string, r *web.Request, b []byte) {
	e := c.engine
	e.now()
	c.skip, c.chunked, c.closing = 0, false, closesGently
	p := web.ErrorReply(r, status)
	p.Why = why
	at := len(e.out)
	e.out = e.appendHead(e.out, p, status, p.Type, p.Size)
	e.out = append(append(e.out, connectionClose...), crlf...)
	e.traceRequest(b)
	e.traceReply(nil, p, status, e.out[at:])
	rec := web.Record{Peer: c.peer, Time: e.clock, Line: r.Line, Status: status}
	if !r.IsHead() {
		e.out = append(e.out, p.Body...)
		rec.Bytes = p.Size
	}
	if rec.Line == nil {
		rec.Line = firstLine(b)
	}
	e.log(rec)
	c.settle(nil)
}

// refusal returns the status for what ParseHead says, and what it says.
func refusal(err error) (status int, why string) {
	if refused, ok := errors.AsType[*http1.Error](err); ok {
		return refused.Status, refused.Reason
	}
	return 400, err.Error()
}
