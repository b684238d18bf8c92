package httpd

import (
	"net/netip"
	"time"

	"xanadu/web"
)

// defaultAnswer is longer than a disk takes to start that stood still.
const defaultAnswer = 10 * time.Second

// retryAnswer is the Retry-After, in seconds, of what could not be answered for a
// file system that does not respond.
const retryAnswer = "10"

// shareOfCrew is how many of the crew may ask one file system at once: a quarter,
// but two where they are few, and more where the site does not tell file systems
// apart.
func (s *Server) shareOfCrew() int {
	if s.volumes == nil {
		return min(crewShare, s.budget.crew)
	}
	return max(1, min(s.budget.crew-1, max(2, s.budget.crew/4)))
}

// volumeOf returns what the answer to r may hang in. A site that does not say has
// one.
func (s *Server) volumeOf(r *web.Request) volume {
	if s.volumes == nil {
		return volume{}
	}
	return volume{documentVolume, s.volumes.Volume(r)}
}

// isStuck reports whether nothing of v can be had for now.
func (s *Server) isStuck(v volume) bool { return s.crew.isStuck(v, s.opt.AnswerTimeout) }

// ask has the site decide on r, away from the loop. What follows r is kept.
func (c *conn) ask(r *web.Request, v volume, rest []byte) {
	r = r.Clone()
	c.keep(rest)
	c.askAgain(r, v)
}

// askAgain is ask for a request that is kept already.
func (c *conn) askAgain(r *web.Request, v volume) {
	c.wait(asking, c.engine.answer)
	c.asked = r
	c.engine.ask(c, r, v)
}

// ask has the site decide on r, which it may keep, and c go on with that. The
// job is c's to take back.
func (e *engine) ask(c *conn, r *web.Request, v volume) {
	asked := e.loop.Now()
	var local netip.AddrPort
	if e.server.gate != nil {
		local = c.Local()
	}
	j := &job{volume: v}
	j.run = func() {
		p := e.server.answer(r)
		if e.startAtOnce(c, j, r, p, local) {
			return
		}
		// The place in the crew stands for what the reply has open, until the loop
		// has counted that elsewhere.
		taken := make(chan struct{})
		if !e.loop.Post(func() { c.answered(j, r, p, asked); close(taken) }) {
			p.Release()
			return
		}
		<-taken
	}
	c.job = j
	e.server.crew.do(j)
}

// answer asks the site. A site that panics has answered 500.
func (s *Server) answer(r *web.Request) (p *web.Reply) {
	defer s.recover(r, &p)
	return s.site.Answer(r)
}

// answered takes up the site's reply to r, which it was asked for at that time.
func (c *conn) answered(j *job, r *web.Request, p *web.Reply, asked time.Duration) {
	e := c.engine
	if c.job != j {
		e.release(p)
		return
	}
	c.job, c.asked = nil, nil
	if c.unsteady < maxUnsteady && p.Holds != nil && !p.Slow && !p.Holds() {
		c.unsteady++
		e.release(p)
		c.askAgain(r, j.volume)
		return
	}
	c.closeAtEnd()
	if p.Program != nil {
		c.serve(r, p)
		return
	}
	if r.Length > maxContent {
		e.release(p)
		p = web.ErrorReply(r, 413)
	}
	e.now()
	en := e.newEntry(p)
	e.keep(r, en, false, asked)
	c.deliver(r, en)
}

// closeAtEnd has c close after its reply when the server is ending.
func (c *conn) closeAtEnd() {
	if c.engine.ending && c.closing == staysOpen {
		c.closing = closesGently
	}
}

// overdue answers 503 in place of the site, which takes too long. What it says
// later is nobody's any more.
func (c *conn) overdue() {
	e, r := c.engine, c.asked
	e.server.crew.cancel(c.job)
	c.job, c.asked = nil, nil
	c.closeAtEnd()
	e.now()
	c.deliver(r, e.unresponsive(r))
}

// unresponsive is the answer to r when the file system of what it asks for does not
// respond.
func (e *engine) unresponsive(r *web.Request) *entry {
	// A stranger can have this said as often as he likes.
	if n := e.server.hung.Add(1); n&(n-1) == 0 {
		e.server.opt.Errorf("answer %q: 503: its file system does not respond; answers of this kind: %d", r.Line, n)
	}
	p := web.ErrorReply(r, 503, web.ReplyField{Name: "Retry-After", Value: retryAnswer})
	p.Why = "its file system does not respond"
	return e.newEntry(p)
}

// release frees a reply. Closing a file may take as long as reading it.
func (e *engine) release(p *web.Reply) {
	if !p.Slow {
		p.Release()
		return
	}
	e.server.crew.do(&job{volume: volume{kind: closingVolume}, run: p.Release})
}
