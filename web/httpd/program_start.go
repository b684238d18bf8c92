package httpd

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"xanadu/ipc"
	"xanadu/web"
	"xanadu/web/cgi"
)

// young is how long a program is young: a few times what one takes that does
// little.
const young = 25 * time.Millisecond

// startAtOnce starts the program that reply names, if it needs no content and
// there is a place for it, and reports whether it did. It is for the job j that
// has asked the site, and saves a short program another one.
func (e *engine) startAtOnce(c *conn, j *job, r *web.Request, reply *web.Reply, local netip.AddrPort) bool {
	if reply.Program == nil || e.server.gate == nil {
		return false
	}
	p := newProgram(e, r, reply, local)
	if p.hasContent() || !e.server.gate.tryEnter(p.seat.client) {
		return false
	}
	p.seat.since = time.Now()
	p.stage = starting
	child, taken, err := e.server.startProgram(p, p.contentLength(), cgi.Input{})
	p.post(child, err, func() {
		e.programs[p] = struct{}{}
		if c.job == j {
			c.job, c.asked = nil, nil
			p.attach(c)
		}
		p.started(child, taken, err)
	})
	return true
}

// start has the crew start the program, for which there is a place.
func (p *program) start() {
	e := p.engine
	p.stage = starting
	e.programs[p] = struct{}{}
	in := p.spool.input()
	in.More = p.request.Length > 0 && p.conn.skip > 0
	length := p.contentLength()
	p.job = &job{volume: e.server.volumeOf(p.request), run: func() {
		child, taken, err := e.server.startProgram(p, length, in)
		p.post(child, err, func() { p.started(child, taken, err) })
	}}
	e.server.crew.do(p.job)
	p.regulate()
}

// post has the loop go on with child, or with err, or frees all where the loop
// has ended.
func (p *program) post(child *cgi.Child, err error, goOn func()) {
	if p.engine.loop.Post(goOn) {
		return
	}
	if err == nil {
		child.Kill(0)
		child.Close()
	}
	p.freeInput()
	p.engine.server.gate.leave(p.seat.client, false)
}

// startProgram starts p with content of that length and input.
func (s *Server) startProgram(p *program, length int64, in cgi.Input) (*cgi.Child, int, error) {
	o := s.opt.Programs
	env, err := o.Gateway.Environment(p.request, p.reply.Program, p.local, length)
	if err != nil {
		return nil, 0, err
	}
	child, taken, err := cgi.Start(p.reply.Program, o.Gateway.Arguments(p.request), env, in, o.Limits)
	if err != nil {
		return nil, 0, err
	}
	if s.sharesTime() {
		s.makeNice(child)
	}
	return child, taken, nil
}

// sharesTime reports whether documents are asked for as well, so that programs
// must not be in their way from the first instruction on. Otherwise most of them
// end before it would be worth the switches between them and the server.
func (s *Server) sharesTime() bool { return time.Now().Unix()-s.documentAt.Load() <= 1 }

// makeNice lowers the priority of a program and of whatever it has started.
func (s *Server) makeNice(child *cgi.Child) {
	if n := s.opt.Programs.Nice; n > 0 {
		child.SetPriority(n) // it may have ended by now
	}
}

// started takes up the program that runs now, or why it does not.
func (p *program) started(child *cgi.Child, taken int, err error) {
	e := p.engine
	p.job = nil
	rest := p.spool.bytes
	p.freeInput()
	if err != nil {
		p.leave()
		p.failToStart(err)
		return
	}
	p.child, p.pipes = child, numbersOf(child.In, child.Out, child.Err)
	p.stage = speaking
	e.loop.AttachPipe(&p.out.Stream, child.Out.Disown(), &p.out)
	e.loop.AttachPipe(&p.errs.Stream, child.Err.Disown(), &p.errs)
	if child.In != nil {
		e.loop.AttachPipe(&p.in.Stream, child.In.Disown(), &p.in)
	}
	if p.conn == nil {
		p.stop()
		return
	}
	e.growUp(p)
	if !p.client.sending {
		p.out.Receive()
	}
	p.expect()
	if len(rest) > taken {
		p.pass(rest[taken:])
	}
	p.takeContent()
}

// numbersOf returns the numbers (st_ino) of those pipes that are there.
func numbersOf(pipes ...*ipc.FD) (numbers []uint64) {
	for _, fd := range pipes {
		var st syscall.Stat_t
		if fd != nil && syscall.Fstat(fd.Number(), &st) == nil {
			numbers = append(numbers, st.Ino)
		}
	}
	return numbers
}

// freeInput frees what is needed up to the start.
func (p *program) freeInput() {
	p.letGo()
	p.spool.close()
	p.reply.Release()
	p.reply = nil
}

// expect gives the program its time to say something, unless it is the client
// who is waited for.
func (p *program) expect() {
	switch {
	case p.stopping || p.ended:
	case p.client.sending:
		p.errs.Timeout(nil)
	default:
		p.errs.Timeout(p.engine.silence)
	}
}

// A youth is a program that has just been started, which is left alone: most end
// within the time, and are spared what is for the others.
type youth struct {
	p     *program
	until time.Duration
}

// growUp has p looked after when it is not young any more.
func (e *engine) growUp(p *program) {
	if len(e.young) == 0 {
		e.loop.After(young, e.lookForGrown)
	}
	e.young = append(e.young, youth{p, e.loop.Now() + young})
}

// lookForGrown hears the complaints of those programs that are young no more,
// and has them make way for others.
func (e *engine) lookForGrown() {
	for len(e.young) > 0 {
		first := e.young[0]
		if left := first.until - e.loop.Now(); left > 0 {
			e.loop.After(left, e.lookForGrown)
			return
		}
		e.young = slices.Delete(e.young, 0, 1)
		if first.p.child != nil {
			first.p.errs.Receive()
			e.server.makeNice(first.p.child)
		}
	}
}

func (p *program) failToStart(err error) {
	e := p.engine
	if refused, ok := errors.AsType[*cgi.Error](err); ok {
		if refused == cgi.ErrAmbiguous {
			// A stranger can have this said as often as he likes.
			if n := e.server.ambiguous.Add(1); n&(n-1) == 0 {
				e.server.opt.Errorf("requests refused of which two field names become the same variable: %d", n)
			}
		}
		p.refuse(refused.Status, refused.Reason)
		return
	}
	p.fail(cgi.StatusOf(err), err.Error())
}
