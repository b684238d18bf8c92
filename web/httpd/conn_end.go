package httpd

import (
	"io"
	"time"

	"xanadu/ipc/loop"
	"xanadu/web/http1"
)

const (
	// lingerTime is how long a connection that was ended with something unread
	// is read on, so that its client sees the reply before a reset.
	lingerTime = 2 * time.Second

	// maxLinger bounds what is read from a connection after its end, and
	// maxAnnounced what is read besides of content whose length is known: the
	// client goes on sending that and only then looks for the reply.
	maxLinger    = 256 << 10
	maxAnnounced = 16 << 20

	// leftToKernel is how much a connection may have been sent that is closed
	// without a look at what its client has taken. The kernel delivers the rest,
	// or holds it for minutes where the client does not read; no bound of ours
	// counts it any more.
	leftToKernel = 64 << 10
)

// Ended is the client's end of file, or the connection's.
func (c *conn) Ended(err error) {
	switch {
	case c.state == running:
		c.program.clientEnded(err)
	case err != nil:
		c.end()
	default:
		c.part()
	}
}

// Expired ends what takes too long. A client that is slow but takes its fair
// part of a reply gets more time.
func (c *conn) Expired() {
	e := c.engine
	switch {
	case c.state == running:
		c.program.clientExpired()
	case c.state == asking:
		c.overdue()
	case c.state == making:
		c.cut = true
		c.end()
	case c.limit == e.reply:
		if !c.takesFairPart() {
			c.giveUp()
		}
	case c.state == lingering && c.Undelivered() > 0:
		c.left = c.Undelivered()
		c.allow(e.reply)
	case c.limit == e.newcomer && !e.ending:
		c.allow(e.idle)
	case c.state == reading && len(firstLine(c.rest)) > 0:
		e.out = e.loop.Buffer()
		http1.ParseHead(&e.request, c.rest) // for what there is of it
		c.refuse(408, "the head has not come in time", &e.request, c.rest)
	default:
		c.giveUp()
	}
}

// takesFairPart reports whether the client has taken its fair part of the reply
// in the time for it, and gives it the same time again.
func (c *conn) takesFairPart() bool {
	e, left := c.engine, c.Undelivered()
	if c.left-left < fairPart(e.server.opt.ReplyTimeout) {
		return false
	}
	c.left = left
	c.allow(e.reply)
	return true
}

// breakOff ends a connection that cannot be sent what it was promised. What is
// left of a file that has changed, or become shorter, is not sent, nor is it
// promised to anybody else.
func (c *conn) breakOff(err error) {
	if err == io.ErrUnexpectedEOF || err == loop.ErrFileChanged {
		c.cut = true
		if t := c.transfer; t != nil && t.en.cached {
			c.engine.cache.drop(t.en)
		}
	}
	c.end()
}

// part ends a connection whose replies have all been passed on. While its client
// has yet to take much of them it is kept, like one whose reply is being sent.
func (c *conn) part() {
	switch {
	case c.written <= leftToKernel || c.Undelivered() == 0:
		c.end()
	case c.state != lingering:
		c.linger()
	}
}

// giveUp ends a connection whose client is too slow. What it has not taken is
// dropped: a reset tells the client so, and the kernel holds nothing for it.
func (c *conn) giveUp() {
	if c.state != over && c.Undelivered() > 0 {
		c.cut = true
	}
	c.end()
}

// linger ends our side and reads on for a while: closing with something unread
// resets the connection, and the client might lose the reply to that.
func (c *conn) linger() {
	c.state, c.rest, c.skipped = lingering, nil, -min(c.skip, maxAnnounced)
	c.CloseWrite()
	c.allow(c.engine.linger)
	c.Receive()
}

// end closes the connection, whatever it was doing.
func (c *conn) end() {
	if c.state == over {
		return
	}
	referred := c.job != nil && !c.engine.server.crew.cancel(c.job)
	c.abandon(referred)
	if c.program != nil {
		c.program.abandoned()
	}
	if c.cut {
		c.Reset()
	} else {
		c.Close()
	}
	c.state, c.rest, c.job, c.asked = over, nil, nil, nil
	c.engine.ended(c, referred)
}
