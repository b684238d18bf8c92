package httpd

import (
	"math"
	"net/netip"
	"time"

	"xanadu/web"
	"xanadu/web/cgi"
)

// ProgramOptions tune how a Server runs programs (RFC 3875). The zero value is a
// good one.
//
// While requests wait in the queue, a client is ended that takes its answer or
// gives its content too slowly, with the program that waits for it, and so is the
// youngest program of a client that has more than its share of the places. A
// client is an IPv4 address, a /64 of IPv6, or all who come over UNIX sockets.
type ProgramOptions struct {
	Gateway cgi.Gateway // what all programs are told
	Limits  cgi.Limits  // what each of their processes may take up, and do; where 0: 60 s of CPU, 2 GiB of memory; negative: no limit

	AtOnce int // programs that run at once, over all loops; 0: 4 per CPU and at least 8
	Queue  int // requests that wait for one to end; 0: 256; negative: none

	// Nice is the nice value (nice(2)) of programs that are started while
	// documents are asked for, and of those that run for long. 0: 15; negative:
	// they keep the server's.
	Nice int

	Wait    time.Duration // for a place among those that run; 0: 10 s
	Silence time.Duration // for a program to begin, or to go on, with its output; 0: 60 s
	Grace   time.Duration // between SIGTERM and SIGKILL; 0: 2 s

	MaxOutput int64 // octets that one may write; 0: 1 GiB; negative: no limit

	// MaxSpool is how many octets of a request's content are gathered before its
	// program is started; 0: 8 MiB. Longer content is refused if its length is
	// not known (413). Else the program is started when 64 KiB have come, and
	// gets the rest as it comes.
	MaxSpool int64

	// SpoolDir is where content above 64 KiB is kept, in files without a name.
	// Where none can be made it is kept in memory, up to 64 MiB of it (Linux).
	// "": /tmp.
	SpoolDir string
}

// fill puts in what the zero values stand for.
//
// CPU and memory: more than a page is worth waiting for, and many times what the
// runtimes of languages begin with. AtOnce: programs mostly wait, for a disk or
// a database. Queue and Wait: what would have to wait longer is told so
// at once. Nice: the server itself, and so its documents, goes first.
func (o *ProgramOptions) fill(cpus int) {
	orElse(&o.Limits.CPU, 60*time.Second)
	orElse(&o.Limits.Memory, 2<<30)
	o.Limits.CPU, o.Limits.Memory = max(0, o.Limits.CPU), max(0, o.Limits.Memory) // where 0 is no limit
	orElse(&o.AtOnce, max(8, 4*cpus))
	orElse(&o.Queue, 256)
	orElse(&o.Nice, 15)
	orElse(&o.Wait, 10*time.Second)
	orElse(&o.Silence, 60*time.Second)
	orElse(&o.Grace, 2*time.Second)
	orElse(&o.MaxOutput, 1<<30)
	if o.MaxOutput < 0 {
		o.MaxOutput = math.MaxInt64
	}
	orElse(&o.MaxSpool, 8<<20)
	orElse(&o.SpoolDir, "/tmp")
}

func orElse[T comparable](set *T, given T) {
	var zero T
	if *set == zero {
		*set = given
	}
}

// maxRedirects bounds the local redirects of one request. Nobody needs more than
// one or two, and one who is in a circle does not come out of it.
const maxRedirects = 10

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
	file    string       // what reply has its path resolved to, for a trace
	local   netip.AddrPort
	stage   stage
	seat    seat
	ticket  *ticket // in queueing
	job     *job    // in gathering and starting: what the crew does for it
	spool   spool   // content that was gathered
	lent    stored  // what of that counts until the program's end
	holds   int     // descriptors that count as those of a request that waits
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
	ended    bool // its own process has, and is not reaped before bury
	swept    bool // what it has left was killed
	waited   bool // patience is at its end
	crashed  bool // a signal ended it
	how      string
	pipes    []uint64 // the numbers of its pipes, by which it is known who holds one
}

// A seat is a program's place among those that run, from its start to its end.
type seat struct {
	client  netip.Prefix // whose place it is, or will be
	since   time.Time    // when it was taken; zero in the queue
	evicted bool         // the program was told to end for those who wait
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
		c.deliver(r, e.newEntry(web.ErrorReply(r, 501)))
		return
	}
	p := newProgram(e, r, reply, c.Local())
	p.attach(c)
	switch {
	case p.conn == nil: // the client is gone
	case !p.hold():
		p.fail(503, "too many requests wait for programs")
	case p.hasContent():
		p.gather()
	default:
		p.enqueue()
	}
}

// newProgram makes what answers r and takes over reply. It may be called from
// any goroutine.
func newProgram(e *engine, r *web.Request, reply *web.Reply, local netip.AddrPort) *program {
	p := &program{
		engine:     e,
		request:    r,
		reply:      reply,
		name:       string(appendShown(nil, []byte(reply.Program.Script))),
		file:       reply.Resolved,
		local:      local,
		speaksHTTP: reply.Program.SpeaksHTTP(),
		seat:       seat{client: clientOf(r.Peer.Addr())},
	}
	p.in.p, p.out.p, p.errs.p, p.end.p = p, p, p, p
	return p
}

// hold counts one more descriptor for p, as that of a request that waits, and
// reports whether there may be one.
func (p *program) hold() bool {
	if !p.engine.server.waiting.take(p.seat.client) {
		return false
	}
	p.holds++
	return true
}

// letGo ends that count: those of a program that runs are counted in advance.
func (p *program) letGo() {
	p.engine.server.waiting.give(p.seat.client, p.holds)
	p.holds = 0
}

// attach has p answer to c.
func (p *program) attach(c *conn) {
	p.conn = c
	c.program = p
	c.state = running
	c.allow(nil)
	if after := c.after(p.request); p.hasContent() {
		c.closing = after // it is wanted, whatever begin thought of it
	} else {
		c.closing = max(c.closing, after)
	}
	if c.halfClosed {
		p.engine.lookAfter(p)
	}
}

func (p *program) hasContent() bool { return p.request.Chunked || p.request.Length > 0 }

// enqueue asks for a place among the programs.
func (p *program) enqueue() {
	e := p.engine
	p.stage = queueing
	t, v := e.server.gate.enter(p.seat.client, func(admitted bool) {
		if !e.loop.Post(func() { p.told(admitted) }) && admitted {
			e.server.gate.leave(p.seat.client, false)
		}
	})
	switch v {
	case admitted:
		p.admitted()
	case queued:
		p.ticket = t
		e.server.startPatrols()
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
		p.admitted()
	default:
		p.fail(503, "another client's request has taken the place in the queue")
	}
}

// admitted starts the program, which has a place.
func (p *program) admitted() {
	p.seat.since = time.Now()
	p.lent = p.spool.lend()
	p.letGo()
	p.start()
}

// leave gives the place among the programs back, at the end of the program.
func (p *program) leave() {
	p.engine.server.spooled.giveBack(p.lent)
	delete(p.engine.programs, p)
	p.engine.server.gate.leave(p.seat.client, p.seat.evicted)
	p.engine.mayStop()
}
