package httpd

import (
	"sync"
	"sync/atomic"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/loop"
	"xanadu/web"
	"xanadu/web/http1"
)

const (
	// drainTime is for how long clients are still accepted once the end has
	// begun: those whose handshake is under way, or who are about to send what
	// the kernel holds them back for (tcp(7), TCP_DEFER_ACCEPT).
	drainTime = 10 * time.Millisecond

	// spareConns bounds the structures of ended connections that wait to be
	// used again.
	spareConns = 1024

	// linesAtOnce is how many bytes of log lines a turn gathers before they
	// are delivered in its midst.
	linesAtOnce = 32 << 10
)

// An engine is one loop and all that it owns: connections, the cache of
// documents, the date. Others only post to it.
type engine struct {
	server    *Server
	loop      *loop.Loop
	listeners []*loop.Listener
	cache     cache
	sweeping  bool // a timer for sweep runs
	requested bool // something was asked for since the last sweep

	conns   int         // open now
	full    atomic.Bool // there is no room for another, and none can be made here
	told    atomic.Bool // it is to look whether there is room again
	asked   atomic.Bool // it is to look for clients that another loop has left waiting
	looking bool        // it will, since it can make room soon
	kept    bool        // a place is kept for the next connection
	spare   []*conn
	ending  bool
	drained bool // and no connection is accepted any more

	trusting bool // some peers tell who their client is

	newcomer, idle, head, content, skip, answer, reply, linger *loop.Timeout
	turn, silence, dying, patience, grace                      *loop.Timeout // for programs

	programs   map[*program]struct{} // with a place among those that run
	halfClosed map[*program]struct{} // whose clients have ended their side
	young      []youth               // those just started, oldest first
	frame      []byte                // content of programs that is to be sent
	patrols    atomic.Bool           // patrol runs, or will

	request web.Request // the one being answered; its fields' memory is used again
	room    []byte      // where content is read that is not in the cache's memory; nil: nowhere yet
	fetched []byte      // the content that was read for the request being answered
	out     []byte      // replies of the connection at hand that wait to be sent
	passed  int64       // octets of long content that it was sent in this turn
	lines   []byte      // log lines of this turn
	trace   Trace       // shows heads among them; nil: none
	record  web.Record  // the last one logged

	documents  bool          // some were asked for in the current second
	clock      time.Time     // the current second
	date       [29]byte      // clock, as the Date field shows it
	start      []byte        // of a head with status 200, up to the fields of its document
	nextSecond time.Duration // when they are out of date
}

func newEngine(s *Server, l *loop.Loop) *engine {
	loops := s.opt.Loops
	e := &engine{
		server:   s,
		loop:     l,
		trace:    s.opt.Trace,
		trusting: s.opt.TrustProxy.Any(),
		cache:    newCache(s.opt.CacheSize/int64(loops), s.openFiles(), &s.loose),

		newcomer: l.NewTimeout(min(newTime, s.opt.IdleTimeout)),
		idle:     l.NewTimeout(s.opt.IdleTimeout),
		head:     l.NewTimeout(s.opt.HeadTimeout),
		content:  l.NewTimeout(s.opt.ContentTimeout),
		skip:     l.NewTimeout(s.opt.ContentTimeout),
		answer:   l.NewTimeout(s.opt.AnswerTimeout),
		reply:    l.NewTimeout(s.opt.ReplyTimeout),
		linger:   l.NewTimeout(lingerTime),
	}
	if o := s.opt.Programs; o != nil {
		e.turn = l.NewTimeout(o.Wait)
		e.silence = l.NewTimeout(o.Silence)
		e.dying = l.NewTimeout(dyingTime)
		e.patience = l.NewTimeout(patience)
		e.grace = l.NewTimeout(o.Grace)
		e.programs = make(map[*program]struct{})
		e.halfClosed = make(map[*program]struct{})
	}
	l.EndOfTurn(e.deliver)
	return e
}

func (e *engine) listen(fd *ipc.FD) error {
	ln, err := e.loop.Listen(fd, e)
	if err == nil {
		e.listeners = append(e.listeners, ln)
	}
	return err
}

func (e *engine) newConn() *conn {
	n := len(e.spare)
	if n == 0 {
		return &conn{engine: e}
	}
	c := e.spare[n-1]
	e.spare[n-1] = nil
	e.spare = e.spare[:n-1]
	*c = conn{engine: e}
	return c
}

// Exhausted gives up what can be done without when there is no descriptor for
// a new connection.
func (e *engine) Exhausted(err error) bool {
	gave := e.cache.dropFiles()
	if e.evict() {
		gave = true
	}
	if !gave {
		e.server.opt.Errorf("%v: a client is refused; raise the limit of open files (ulimit -n)", err)
	}
	return gave
}

// Refused tells a client that there is no room for it. What it has asked by now
// is read away, or the reset that follows would take the reply with it.
func (e *engine) Refused(fd int) {
	var asked [4096]byte
	sys.Recv(fd, asked[:])
	sys.Send(fd, noRoom(), nil, false)
}

// noRoom is the whole response to a client for whom there is no room. It fits into
// the smallest send buffer that Linux makes (socket(7), SO_SNDBUF).
var noRoom = sync.OnceValue(func() []byte {
	p := web.ErrorReply(nil, 503, web.ReplyField{Name: "Retry-After", Value: "1"})
	b := append(http1.AppendStatusLine(nil, p.Status), connectionClose...)
	b = append(appendFields(b, p, p.Type, p.Size), crlf...)
	return append(b, p.Body...)
})

// recover is deferred by what asks the site for p.
func (s *Server) recover(r *web.Request, p **web.Reply) {
	if v := recover(); v != nil {
		s.opt.Errorf("answer %q: panic: %v", r.Line, v)
		*p = web.ErrorReply(r, 500)
	}
}

// now brings the date up to the second.
func (e *engine) now() {
	if e.loop.Now() < e.nextSecond {
		return
	}
	t := time.Now()
	e.nextSecond = e.loop.Now() + time.Second - time.Duration(t.Nanosecond())
	e.clock = t.Truncate(time.Second)
	e.documents = false
	web.AppendDate(e.date[:0], e.clock)
	e.start = e.appendStart(e.start[:0], 200)
}

// noteDocument notes that a document is being answered with.
func (e *engine) noteDocument() {
	if !e.documents {
		e.documents = true
		e.server.documentAt.Store(e.clock.Unix())
	}
}

// log notes a reply, or the part of it that was sent.
func (e *engine) log(rec web.Record) {
	if log := e.server.opt.Log; log != nil {
		e.record = rec // a place that need not be allocated for the call
		e.lines = log.Append(e.lines, &e.record)
		if len(e.lines) > linesAtOnce {
			e.deliver()
		}
	}
}

func (e *engine) deliver() {
	if len(e.lines) > 0 {
		e.server.opt.Log.Deliver(e.lines)
		e.lines = e.lines[:0]
	}
}

// finish begins the end: see Server.Shutdown.
func (e *engine) finish() {
	if e.ending {
		return
	}
	e.ending = true
	e.loop.After(0, e.closeIdle) // after a turn that reads what has come by now
	e.loop.After(drainTime, e.drain)
}

// drain takes the connections that wait and accepts no more. The request of each
// is answered as the last one.
func (e *engine) drain() {
	if e.drained {
		return
	}
	for _, ln := range e.listeners {
		ln.Drain()
	}
	e.drained = true
	e.server.noteDrained()
	e.mayStop()
}

// closeIdle closes what waits for a request, for the end of the loop.
func (e *engine) closeIdle() {
	for {
		c, ok := e.idle.First().(*conn)
		if !ok {
			break
		}
		c.part()
	}
	for p := range e.programs {
		if p.conn == nil {
			p.stop()
		}
	}
	e.mayStop()
}

// mayStop ends the loop when all has ended that was to.
func (e *engine) mayStop() {
	if e.drained && e.conns == 0 && len(e.programs) == 0 {
		e.loop.Stop()
	}
}

// cut ends what is under way: the grace time is over.
func (e *engine) cut() {
	e.finish()
	e.drain()
	e.loop.Handlers(func(h loop.Handler) {
		if c, ok := h.(*conn); ok {
			c.giveUp()
		}
	})
	for p := range e.programs {
		p.cut()
	}
	// What the kernel cannot end is left behind.
	e.loop.After(lastCut, e.loop.Stop)
}
