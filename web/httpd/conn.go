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

	// maxLinger bounds what is read from a connection after its end.
	maxLinger = 256 << 10

	// fairRate is what a client must take of its reply, in octets a second,
	// over a whole ReplyTimeout: a tenth of a telephone modem's.
	fairRate = 500
)

// A state says what a connection waits for.
type state uint8

const (
	reading   state = iota // for a request head, or for content to skip before it
	asking                 // for the site's answer
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

// A conn is one connection. It goes from reading to asking, sending or yielding
// and back as its requests demand, and from any of them to lingering and over.
//
// It owns no buffer while it is idle: rest holds what is left of a request that
// came in part, or of a pipeline that has to wait.
type conn struct {
	loop.Stream
	engine *engine
	peer   netip.AddrPort

	rest     []byte        // received and not yet used; nil: nothing
	transfer *transfer     // the reply under way that did not go out at once; nil: none
	limit    *loop.Timeout // what the present head or content is limited by; nil: nothing
	skip     int64         // octets of content of known length still to skip
	skipped  int64         // octets of chunked content, or read in lingering, so far
	left     int64         // undelivered when the time for the reply last began
	chunks   http1.Chunked // what is left of content in chunks

	state   state
	closing closing
	chunked bool // content in chunks is to be skipped
}

// Received takes up bytes of the client.
func (c *conn) Received(b []byte) {
	if c.state == lingering {
		if c.skipped += int64(len(b)); c.skipped > maxLinger {
			c.end()
		}
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
		c.end()
		return
	}
	c.engine.out = c.engine.loop.Buffer()
	if c.carryOn() {
		c.run(c.rest)
	}
}

// answered takes up the site's reply to r.
func (c *conn) answered(r *web.Request, p *web.Reply) {
	if c.state != asking {
		p.Release()
		return
	}
	e := c.engine
	e.now()
	en := e.newEntry(p)
	en.users++
	e.keep(r, en)
	e.out = e.loop.Buffer()
	if c.respond(r, en) {
		c.run(c.rest)
	}
	en.done()
}

// Ended is the client's end of file, or the connection's.
func (c *conn) Ended(error) { c.end() }

// Expired ends what takes too long. A client that is slow but takes its fair
// part of a reply gets more time.
func (c *conn) Expired() {
	e := c.engine
	switch {
	case c.state == sending:
		fair := int64(e.server.opt.ReplyTimeout.Seconds() * fairRate)
		if left := c.Undelivered(); c.left-left >= fair {
			c.left = left
			c.Timeout(e.reply)
			return
		}
		c.end()
	case c.state == reading && len(c.rest) > 0:
		e.out = e.loop.Buffer()
		c.refuse(408, firstLine(c.rest))
	default:
		c.end()
	}
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
	for n := 0; ; n++ {
		b = c.skipContent(b)
		if c.closing != staysOpen || c.unread() || len(b) == 0 {
			break
		}
		if n == pipelineTurn || len(e.out) > outFull {
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
			c.refuse(refusal(err), firstLine(b))
			return
		}
		e.now()
		r.Received = e.clock
		en := c.lookup(r)
		if en == nil && len(e.out) > 0 {
			// What is answered already shall not wait for the site.
			c.giveWay(b)
			return
		}
		c.begin(r)
		if en == nil {
			c.ask(r, b[size:])
			return
		}
		if !c.respond(r, en) {
			c.keep(b[size:])
			return
		}
		b = b[size:]
	}
	c.settle(b)
}

// lookup returns the document that answers r when no site need be asked.
func (c *conn) lookup(r *web.Request) *entry {
	if !r.IsGet() || r.Length > maxContent {
		return nil
	}
	return c.engine.cache.find(r, c.engine.loop.Now())
}

// begin notes what follows the head r: content to skip, another request, or
// the end.
func (c *conn) begin(r *web.Request) {
	c.limit = nil
	c.skip, c.chunked = r.Length, r.Chunked
	if c.chunked {
		c.chunks, c.skipped = http1.Chunked{}, 0
	}
	switch {
	case r.Continue || r.Length > maxContent:
		// Whether the content comes after a final reply is up to the client
		// (RFC 9110 §10.1.1): only the end of the connection makes it clear.
		c.closing = closesGently
	case !r.KeepAlive || c.engine.ending || c.engine.server.opt.OneAtATime:
		c.closing = closes
	}
}

// ask has the site decide on r, away from the loop. What follows r is kept.
func (c *conn) ask(r *web.Request, rest []byte) {
	r = r.Clone()
	c.keep(rest)
	c.wait(asking)
	if r.Length > maxContent {
		c.answered(r, web.ErrorReply(413))
		return
	}
	c.engine.ask(c, r)
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
	switch {
	case c.closing == closesGently, c.closing == closes && (len(b) > 0 || c.unread()):
		c.linger()
		return
	case c.closing == closes, e.ending && len(b) == 0 && !c.unread():
		c.end()
		return
	case c.unread():
		c.limitBy(e.content)
	case len(b) > 0:
		c.limitBy(e.head)
	default:
		c.Timeout(e.idle)
		e.regulate()
	}
	c.Receive()
}

// limitBy gives the head or content that is being received its time, which no
// further byte extends.
func (c *conn) limitBy(q *loop.Timeout) {
	if c.limit != q {
		c.limit = q
		c.Timeout(q)
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
		c.wait(yielding)
		c.Later()
	}
}

// wait receives nothing until state s is over.
func (c *conn) wait(s state) {
	c.state = s
	c.Pause()
	c.Timeout(nil)
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
		c.end()
		return false
	case !done:
		c.wait(sending)
		c.left = c.Undelivered()
		c.Timeout(c.engine.reply)
	}
	return done
}

// refuse answers what could not be read as a request, which began with line,
// and ends the connection.
func (c *conn) refuse(status int, line []byte) {
	e := c.engine
	e.now()
	c.skip, c.chunked, c.closing = 0, false, closesGently
	p := web.ErrorReply(status)
	e.out = e.appendHead(e.out, p, status, p.Type, p.Size)
	e.out = append(e.out, connectionClose...)
	e.out = append(e.out, '\r', '\n')
	e.out = append(e.out, p.Body...)
	e.log(web.Record{Peer: c.peer, Time: e.clock, Line: line, Status: status, Bytes: p.Size})
	c.settle(nil)
}

// refusal returns the status for what ParseHead says.
func refusal(err error) int {
	if refused, ok := errors.AsType[*http1.Error](err); ok {
		return refused.Status
	}
	return 400
}

// linger ends our side and reads on for a while: closing with something unread
// resets the connection, and the client might lose the reply to that.
func (c *conn) linger() {
	c.state, c.rest, c.skipped = lingering, nil, 0
	c.CloseWrite()
	c.Timeout(c.engine.linger)
	c.Receive()
}

// end closes the connection, whatever it was doing.
func (c *conn) end() {
	if c.state == over {
		return
	}
	waits := c.state == asking
	c.abandon()
	c.Close()
	c.state, c.rest = over, nil
	c.engine.ended(c, waits)
}
