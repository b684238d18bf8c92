package httpd

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"xanadu/ipc/loop"
	"xanadu/web"
	"xanadu/web/cgi"
)

// ProgramOptions tune how a Server runs programs (RFC 3875). The zero value is a
// good one.
type ProgramOptions struct {
	Gateway cgi.Gateway // what all programs are told
	Limits  cgi.Limits  // what each of their processes may take up; where 0: 60 s of CPU, 4 GiB

	AtOnce int // programs that run at once, over all loops; 0: 4 per CPU and at least 8
	Queue  int // requests that wait for one to end; 0: 256; negative: none
	Nice   int // what is added to their nice value (nice(2)); 0: 10; negative: nothing

	Wait    time.Duration // for a place among those that run; 0: 10 s
	Silence time.Duration // for a program to begin, or to go on, with its output; 0: 60 s
	Grace   time.Duration // between SIGTERM and SIGKILL; 0: 2 s

	MaxOutput int64  // octets that one may write; 0: 1 GiB
	MaxSpool  int64  // octets of content that are gathered for one, because its length is not known; 0: 8 MiB
	SpoolDir  string // where more than a little of that is kept until then; "": /tmp
}

// fill puts in what the zero values stand for.
//
// CPU and memory: more than a page is worth waiting for, and enough address
// space for runtimes that reserve much of it. AtOnce: programs mostly wait, for
// a disk or a database. Queue and Wait: what would have to wait longer is told so
// at once. Nice: the server itself, and so its documents, go first.
func (o *ProgramOptions) fill(cpus int) {
	orElse(&o.Limits.CPU, 60*time.Second)
	orElse(&o.Limits.Memory, 4<<30)
	orElse(&o.AtOnce, max(8, 4*cpus))
	orElse(&o.Queue, 256)
	orElse(&o.Nice, 10)
	orElse(&o.Wait, 10*time.Second)
	orElse(&o.Silence, 60*time.Second)
	orElse(&o.Grace, 2*time.Second)
	orElse(&o.MaxOutput, 1<<30)
	orElse(&o.MaxSpool, 8<<20)
	orElse(&o.SpoolDir, "/tmp")
}

// descriptors is how many of them programs may take up: for each the ends of its
// pipes, its directory and the one that tells of its end, with what its start
// needs for a moment, and for each in the queue the directory.
func (o *ProgramOptions) descriptors() int { return 12*o.AtOnce + max(0, o.Queue) + maxSpools }

func orElse[T comparable](set *T, given T) {
	var zero T
	if *set == zero {
		*set = given
	}
}

const (
	// patience is how long a program is waited for that has closed its output,
	// or has ended and left its complaints open to others: at its end it does
	// all that at once, and who does it otherwise means to.
	patience = 100 * time.Millisecond

	// lastCut is how long the kernel is given at the end of a loop to end what
	// was killed.
	lastCut = time.Second

	// maxRedirects bounds the local redirects of one request. Nobody needs
	// more than one or two, and one who is in a circle does not come out of it.
	maxRedirects = 10
)

// A stage says how far a program is.
type stage uint8

const (
	gathering stage = iota // its content is being gathered
	queueing               // it waits for others to end
	starting               // it is being started
	speaking               // it runs, and its head is not complete
	answering              // the client has the head, and gets the content
)

// A program is a CGI program that answers a request, from the site's decision to
// the end of its last process.
//
// It holds a connection until the client has its answer or goes away, and a
// place among the programs from its start to its end. The two do not depend on
// each other: a program may run on when its client is served, and is ended when
// the client has gone.
type program struct {
	engine  *engine
	conn    *conn        // who waits for the answer; nil: nobody
	request *web.Request // its own copy
	reply   *web.Reply   // names the program; nil when that has been started
	name    string       // for messages
	local   netip.AddrPort
	stage   stage
	ticket  *ticket // in queueing
	job     *job    // in gathering and starting: what the crew does for it
	spool   spool   // content that was gathered
	client  client  // how far the client is

	child *cgi.Child // nil: none runs
	in    programInput
	out   programOutput
	errs  programErrors // its time limits are the program's
	end   programEnd

	speaksHTTP bool  // it writes the whole response
	heard      int64 // octets that it has said
	passing    bool  // it has not taken all content that was passed to it
	zeros      int   // that were sent in front of the next chunk's size

	outOver  bool // the end of its output was found, or is not waited for
	errsOver bool // the end of its complaints was found
	stopping bool // it was told to end
	awaited  bool // a goroutine waits for its end
	ended    bool // it was reaped
	waited   bool // patience is at its end
	crashed  bool // a signal ended it
	how      string
}

// A silent stream's handler does nothing about what it does not override.
type silent struct{}

func (silent) Received([]byte) {}
func (silent) Ended(error)     {}
func (silent) Sent(error)      {}
func (silent) Expired()        {}
func (silent) Resumed()        {}

// serve has the program that reply names answer r. It takes over the reply.
func (c *conn) serve(r *web.Request, reply *web.Reply) {
	e := c.engine
	if e.server.opt.Programs == nil {
		reply.Release()
		e.now()
		c.deliver(r, e.newEntry(web.ErrorReply(501)))
		return
	}
	p := &program{
		engine:     e,
		conn:       c,
		request:    r,
		reply:      reply,
		name:       reply.Program.Script,
		local:      c.Local(),
		speaksHTTP: reply.Program.SpeaksHTTP(),
	}
	p.in.p, p.out.p, p.errs.p, p.end.p = p, p, p, p
	c.program = p
	c.state = running
	c.allow(nil)
	if r.Chunked || r.Length > 0 {
		c.closing = c.after(r) // the content is wanted, whatever begin thought of it
	}
	if c.halfClosed {
		if e.lookAfter(p); p.conn == nil {
			return
		}
	}
	if p.gathers() {
		p.gather()
		return
	}
	p.enqueue()
}

// enqueue asks for a place among the programs.
func (p *program) enqueue() {
	e := p.engine
	p.stage = queueing
	t, v := e.server.gate.enter(p.conn.peer.Addr(), func(admitted bool) {
		if !e.loop.Post(func() { p.told(admitted) }) && admitted {
			e.server.gate.leave()
		}
	})
	switch v {
	case admitted:
		p.start()
	case queued:
		p.ticket = t
		p.regulate()
	case refused:
		p.fail(503, "too many programs run, and too many requests wait for one")
	}
}

// told is what becomes of a ticket.
func (p *program) told(admitted bool) {
	p.ticket = nil
	switch {
	case p.conn == nil:
		p.freeInput()
		if admitted {
			p.leave()
		}
	case admitted:
		p.start()
	default:
		p.fail(503, "another client's request has taken the place in the queue")
	}
}

// start has the crew start the program, for which there is a place.
func (p *program) start() {
	e := p.engine
	p.stage = starting
	e.programs[p] = struct{}{}
	in := p.spool.input()
	in.More = p.conn.skip > 0
	length := p.contentLength()
	p.job = e.server.crew.do(func() {
		child, taken, err := e.server.startProgram(p.request, p.reply.Program, p.local, length, in)
		if e.loop.Post(func() { p.started(child, taken, err) }) {
			return
		}
		if err == nil {
			child.Kill(0)
			child.Close()
		}
		p.freeInput()
		e.server.gate.leave()
	})
	p.regulate()
}

// startProgram starts what answers r.
func (s *Server) startProgram(r *web.Request, what *web.Program, local netip.AddrPort, length int64, in cgi.Input) (*cgi.Child, int, error) {
	o := s.opt.Programs
	env, err := o.Gateway.Environment(r, what, local, length)
	if err != nil {
		return nil, 0, err
	}
	child, taken, err := cgi.Start(what, o.Gateway.Arguments(r), env, in, o.Limits)
	if err != nil {
		return nil, 0, err
	}
	child.TakeGroupAlong()
	if o.Nice > 0 {
		child.SetPriority(o.Nice) // it may have ended by now
	}
	return child, taken, nil
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
	p.child = child
	p.stage = speaking
	e.loop.AttachPipe(&p.out.Stream, child.Out.Disown(), &p.out)
	e.loop.AttachPipe(&p.errs.Stream, child.Err.Disown(), &p.errs)
	if child.In != nil {
		e.loop.AttachPipe(&p.in.Stream, child.In.Disown(), &p.in)
	}
	p.errs.Receive()
	if p.conn == nil {
		p.stop()
		return
	}
	p.out.Receive()
	p.expect()
	if len(rest) > taken {
		p.pass(rest[taken:])
	}
	p.takeContent()
}

// freeInput frees what is needed up to the start.
func (p *program) freeInput() {
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

// leave gives the place among the programs back.
func (p *program) leave() {
	delete(p.engine.programs, p)
	p.engine.server.gate.leave()
	p.engine.mayStop()
}

// stop ends the program and all its group: they are asked to, and after a while
// not asked any more. Nothing that it says from now on is heard.
func (p *program) stop() {
	if p.child == nil || p.stopping || p.ended {
		return
	}
	p.stopping, p.outOver = true, true
	p.out.Close()
	p.in.Close()
	p.child.SignalGroup(syscall.SIGTERM)
	p.errs.Timeout(p.engine.grace)
	p.awaitEnd()
}

// awaitEnd has the loop tell of the end of the program.
func (p *program) awaitEnd() {
	switch {
	case p.end.Attached() || p.awaited:
		return
	case p.tryWait():
		p.settle()
		return
	}
	e, child := p.engine, p.child
	if fd := child.PidFD(); fd != nil {
		e.loop.AttachSignal(&p.end.Stream, fd.Disown(), &p.end)
		p.end.Receive()
		return
	}
	// This system has no descriptor for it.
	p.awaited = true
	go func() {
		child.Wait()
		e.loop.Post(p.end.check)
	}()
}

// programEnd is the end of the program's own process.
type programEnd struct {
	loop.Stream
	silent
	p *program
}

func (s *programEnd) Ended(err error) {
	s.Close()
	if err == nil {
		s.check()
	}
}

func (s *programEnd) check() {
	if s.p.child != nil && s.p.tryWait() {
		s.p.settle()
	}
}

// tryWait reaps the program if it has ended, and what is left of its group goes
// with it.
func (p *program) tryWait() bool {
	if p.ended {
		return true
	}
	status, ended, err := p.child.TryWait()
	if !ended && err == nil {
		return false
	}
	p.ended, p.waited = true, false
	p.crashed = status.Signal != 0
	p.how = status.String()
	if err != nil {
		p.how = err.Error() // somebody else has reaped it
	}
	return true
}

// settle goes on when something of the program is over: with the answer, and
// with its end.
func (p *program) settle() {
	if p.conn != nil && p.outOver && (p.ended || p.waited) {
		p.outputEnded()
	}
	switch {
	case p.child == nil || !p.ended || p.conn != nil && !p.outOver:
	case p.errsOver || p.waited:
		p.bury()
	default:
		// Its last words may still be on their way.
		p.errs.Timeout(p.engine.patience)
	}
}

// bury frees all that the program has taken up. It has been reaped.
func (p *program) bury() {
	p.errs.tell()
	p.in.Close()
	p.out.Close()
	p.errs.Close()
	p.end.Close()
	p.child = nil
	p.leave()
}

// timeIsUp acts on the program's time limit.
func (p *program) timeIsUp() {
	switch {
	case p.stopping && !p.ended:
		p.child.SignalGroup(syscall.SIGKILL)
		p.errs.Timeout(p.engine.grace)
	case (p.outOver || p.ended) && !p.waited:
		p.waited = true
		p.expect()
		p.settle()
	default:
		p.fail(504, fmt.Sprintf("it has said nothing for %v", p.engine.server.opt.Programs.Silence))
		p.stop()
	}
}

// cut ends the program without asking it.
func (p *program) cut() {
	if p.child != nil && !p.ended {
		p.stop()
		p.child.SignalGroup(syscall.SIGKILL)
	}
}

// kill ends the program when its loop is at its end. It waits for that.
func (p *program) kill() {
	if p.child != nil {
		p.child.Kill(0)
		p.ended = true
		p.bury()
	}
}
