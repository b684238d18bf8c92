package httpd

import (
	"bytes"
	"time"

	"xanadu/web"
	"xanadu/web/cgi"
	"xanadu/web/http1"
)

// pulseTime is how often a client is looked after that has ended its side.
const pulseTime = 500 * time.Millisecond

// A client is how far the connection is that waits for a program's answer.
type client struct {
	given     int64 // octets received since its time for content began
	received  int64 // octets received in all
	passed    int64 // octets sent in all, or waiting for the kernel
	pace      pace  // kept while others wait
	continued bool  // 100 (Continue) was sent
	pulses    uint  // since it has ended its side

	said     []byte     // the beginning of the program's head
	head     *cgi.Head  // one that is held back until it is clear that no content follows
	begun    bool       // the head was sent
	chunked  bool       // the content is framed in chunks
	left     int64      // octets of content to come; negative: it is not known
	status   int        // what was sent
	octets   int64      // of content, passed on to be sent
	complete bool       // the whole answer was
	sending  bool       // the kernel has not taken all of that
	verdict  *web.Reply // what to answer after that
}

// received takes up bytes of the client: content, or requests that have to wait.
func (p *program) received(b []byte) {
	c := p.conn
	p.client.given += int64(len(b))
	p.client.received += int64(len(b))
	if len(c.rest) > 0 {
		c.rest = append(c.rest, b...)
		b = c.rest
	}
	switch {
	case p.stage == gathering && p.job == nil:
		p.gatherFrom(b)
		return
	case p.stage >= speaking && !p.passing:
		b = p.feed(b)
	}
	c.keep(b)
	p.regulate()
}

// regulate receives from the client, or leaves it waiting.
func (p *program) regulate() {
	c := p.conn
	if c.halfClosed && p.incomplete() {
		c.end()
		return
	}
	switch {
	case p.passing,
		p.stage == gathering && p.job != nil,
		len(c.rest) >= maxAhead:
		c.Pause()
	default:
		c.Receive()
	}
	p.limitClient()
}

// limitClient gives the client the time for what it has to do.
func (p *program) limitClient() {
	c, e := p.conn, p.engine
	switch {
	case p.client.sending:
		c.limitBy(e.reply)
	case p.stage == gathering && p.job == nil,
		p.stage >= speaking && c.skip > 0 && p.in.Attached() && !p.passing:
		if c.limit != e.content {
			p.client.given = 0
		}
		c.limitBy(e.content)
	case p.stage == queueing:
		c.limitBy(e.turn)
	case p.job != nil:
		c.limitBy(e.answer)
	default:
		c.limitBy(nil)
	}
}

// clientExpired ends what takes the client too long. One that is slow but gives
// or takes its fair part gets more time.
func (p *program) clientExpired() {
	c, e := p.conn, p.engine
	switch limit := c.limit; limit {
	case e.reply:
		if !c.takesFairPart() {
			c.giveUp()
		}
	case e.content:
		if p.client.given < p.fairContent() {
			c.closing = closesGently
			p.refuse(408, "the content has not come in time")
			p.stop()
			return
		}
		p.client.given = 0
		c.allow(limit)
	case e.answer:
		p.overdue()
	case e.turn:
		p.fail(503, "no program has ended in time to make room")
	}
}

// fairContent is what the client gives of its content at least in the time for
// it.
func (p *program) fairContent() int64 {
	server := p.engine.server
	if p.stage != gathering {
		return fairPart(server.opt.ContentTimeout)
	}
	return int64(server.opt.ContentTimeout.Seconds() * float64(server.spoolRate()))
}

// fairPart is what a client gives or takes at least in that time.
func fairPart(d time.Duration) int64 { return int64(d.Seconds() * fairRate) }

// clientEnded is the client's end of file, or its connection's.
func (p *program) clientEnded(err error) {
	c := p.conn
	c.halfClosed = true
	if err != nil || p.incomplete() {
		c.end()
		return
	}
	p.engine.lookAfter(p)
}

// incomplete reports whether the end of what has come is not that of a request.
func (p *program) incomplete() bool {
	if p.stage == gathering {
		return p.job == nil && !p.spool.whole
	}
	return p.conn.skip > int64(len(p.conn.rest))
}

// lookAfter finds out when the client of p, which has ended its side, is gone
// altogether. Some only say that they will ask no more, others do not listen
// either, and the kernel cannot tell them apart before it has something to send.
// So it is sent something.
func (e *engine) lookAfter(p *program) {
	p.probe()
	if p.conn == nil {
		return
	}
	if len(e.halfClosed) == 0 {
		e.loop.After(pulseTime, e.pulse)
	}
	e.halfClosed[p] = struct{}{}
}

// pulse looks after all clients that have ended their side.
func (e *engine) pulse() {
	for p := range e.halfClosed {
		if p.conn == nil || p.client.complete {
			delete(e.halfClosed, p)
			continue
		}
		if p.conn.Broken() {
			p.conn.end()
			continue
		}
		// The longer it has listened the longer it will.
		if p.client.pulses++; p.client.pulses&(p.client.pulses-1) == 0 {
			p.probe()
		}
	}
	if len(e.halfClosed) > 0 {
		e.loop.After(pulseTime, e.pulse)
	}
}

// beginning is what every response begins with, also one of a program that
// speaks HTTP itself.
const beginning = "HTTP/1."

// maxZeros is how many zeros may lead the size of a chunk: with it, it has no
// more digits than any parser takes.
const maxZeros = 8

// probe sends the client an octet that changes nothing: the next one of the
// response's beginning, which the head then leaves out, or a zero in front of the
// size of the next chunk (RFC 9112 §7.1). A client that is gone answers with a
// reset. Within content of another kind there is no such octet.
func (p *program) probe() {
	c := p.conn
	switch {
	case p.client.sending || p.client.complete:
	case !p.client.begun && int(c.early) < len(beginning):
		next := beginning[c.early : c.early+1]
		// Not by c.Send, which leaves out what has been sent early.
		if p.sent(c.Stream.Send([]byte(next), nil, false)) {
			c.early++
		}
	case p.client.begun && p.client.chunked && p.zeros < maxZeros:
		p.zeros++
		p.send([]byte("0"))
	}
}

// Send is Stream.Send without what of a response was sent early.
func (c *conn) Send(head, body []byte, more bool) (done bool, err error) {
	c.written += int64(len(head) + len(body))
	return c.Stream.Send(c.late(head), body, more)
}

// SendFileWhile is Stream.SendFileWhile without what of a response was sent early.
func (c *conn) SendFileWhile(head []byte, file int, off, size int64, more bool, holds func() bool) (done bool, err error) {
	c.written += int64(len(head)) + size
	return c.Stream.SendFileWhile(c.late(head), file, off, size, more, holds)
}

func (c *conn) late(head []byte) []byte {
	if c.early == 0 {
		return head
	}
	n := min(int(c.early), len(head))
	c.early -= uint8(n)
	return head[n:]
}

var continueNow = []byte(http1.Continue)

// sendContinue has the client send its content. It returns false when the
// connection is over.
func (p *program) sendContinue() bool {
	p.client.continued = true
	if p.client.begun || p.conn.early > 0 {
		return true // the answer has begun
	}
	return p.send(continueNow)
}

// send sends b to the client. It returns false when the connection is over.
func (p *program) send(b []byte) bool {
	p.client.passed += int64(len(b))
	return p.sent(p.conn.Send(b, nil, false))
}

func (p *program) sent(done bool, err error) bool {
	c := p.conn
	if err != nil {
		c.end()
		return false
	}
	if !done {
		p.client.sending = true
		c.left = c.Undelivered()
		p.out.Pause()
		p.expect()
		p.limitClient()
	}
	return true
}

// clientSent goes on when the kernel has taken what was sent.
func (p *program) clientSent() {
	p.client.sending = false
	switch {
	case p.client.verdict != nil:
		p.reject(p.client.verdict)
	case p.client.complete:
		p.conclude()
	default:
		p.out.Receive()
		p.expect()
		p.regulate()
		p.settle()
	}
}

// detach lets the connection go, which has its answer or gets another.
func (p *program) detach() *conn {
	c := p.conn
	p.conn = nil
	c.program = nil
	c.allow(nil)
	if p.ticket != nil {
		p.engine.server.gate.cancel(p.ticket) // in vain when it is being told
	}
	if c.skip > maxContent || c.skip > 0 && p.request.Continue && !p.client.continued {
		c.closing = closesGently
	}
	if p.out.Attached() && !p.outOver {
		p.out.Receive() // what it says is dropped
		if !p.ended {
			p.errs.Timeout(p.engine.dying)
		}
	}
	return c
}

// conclude ends the answer, all of which was sent.
func (p *program) conclude() {
	if p.client.sending {
		return
	}
	c, e := p.detach(), p.engine
	c.log(p.request, p.client.status, p.client.octets)
	e.out = e.loop.Buffer()
	if p.client.chunked {
		e.out = append(e.out, http1.EndChunks...)
	}
	c.run(c.rest)
}

// fail is refuse for what is the program's fault, or the server's: the error log
// is told.
func (p *program) fail(status int, why string) {
	p.complain(why)
	p.refuse(status, why)
}

// refuse answers with a status, or cuts the answer that has begun.
func (p *program) refuse(status int, why string) {
	if p.conn == nil || p.client.complete {
		return
	}
	if p.client.begun {
		p.conn.cut = !p.client.chunked && p.client.left < 0
		p.conn.end()
		return
	}
	var fields []web.ReplyField
	if status == 503 {
		fields = append(fields, web.ReplyField{Name: "Retry-After", Value: "5"})
	}
	reply := web.ErrorReply(p.request, status, fields...)
	reply.Resolved, reply.Why = p.file, why
	if p.client.sending {
		p.client.verdict = reply
		return
	}
	p.reject(reply)
}

// reject answers with a reply in place of the program's.
func (p *program) reject(reply *web.Reply) {
	c, e := p.detach(), p.engine
	if p.reply != nil {
		p.freeInput()
	}
	e.now()
	c.deliver(p.request, e.newEntry(reply))
}

// redirect has the site answer for another path in place of the program (RFC
// 3875 §6.2.2): a GET without content, or a HEAD.
func (p *program) redirect(target string) {
	c := p.conn
	if c.redirects == maxRedirects {
		p.fail(502, "it redirects in a circle")
		return
	}
	c.redirects++
	p.detach()
	r := redirected(p.request, target)
	c.askAgain(r, p.engine.server.volumeOf(r))
}

// redirected is r as a request for a local target.
func redirected(r *web.Request, target string) *web.Request {
	to := *r
	to.Target = []byte(target)
	to.Path, to.Query, to.HasQuery = bytes.Cut(to.Target, []byte("?"))
	to.Internal = true
	if !r.IsHead() {
		to.Method = []byte("GET")
	}
	to.Continue, to.Chunked, to.Length = false, false, 0
	const ofContent = web.ContentLength | web.ContentType | web.TransferEncoding | web.Expect
	to.Seen &^= ofContent
	to.Fields = nil
	for _, f := range r.Fields {
		if f.Known&ofContent == 0 {
			to.Fields = append(to.Fields, f)
		}
	}
	return &to
}

// abandoned is told that the connection is being closed.
func (p *program) abandoned() {
	c := p.conn
	p.conn = nil
	c.program = nil
	if p.client.begun {
		c.log(p.request, p.client.status, max(0, p.client.octets-c.Unsent()))
	}
	p.withdraw()
}

// overdue answers 503 in place of the program, which could not be started yet, or
// whose content could not be kept.
func (p *program) overdue() {
	c, e := p.detach(), p.engine
	p.withdraw()
	e.now()
	c.deliver(p.request, e.unresponsive(p.request))
}

// withdraw ends what nobody waits for any more.
func (p *program) withdraw() {
	e := p.engine
	switch p.stage {
	case gathering:
		if p.job == nil || e.server.crew.cancel(p.job) {
			p.freeInput()
		}
	case queueing:
		if p.ticket != nil && e.server.gate.cancel(p.ticket) {
			p.freeInput()
		}
	case starting:
		if p.job != nil && e.server.crew.cancel(p.job) {
			p.freeInput()
			p.leave()
		}
	default:
		if !p.client.complete {
			p.stop()
		}
	}
}
