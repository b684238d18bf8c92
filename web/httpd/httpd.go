// Package httpd is the event-driven HTTP/1 server: a connection is a state
// machine on a loop, and what it answers is a web.Site's decision.
//
// New takes a Site and listening sockets, Serve answers until its context ends,
// Shutdown finishes. What is cheap happens on the loops: parsing, answers from
// the cache of opened documents, writing. What may block, the Site's Answer,
// happens on a bounded crew of goroutines whose results are posted back.
package httpd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"xanadu/ipc"
	"xanadu/ipc/loop"
	"xanadu/ipc/ready"
	"xanadu/web"
)

// Options tune a Server. The zero value is a good server.
type Options struct {
	Poller         string // what waits, a name of ready.Names; "" is the best there is
	Loops          int    // event loops, each on a thread of its own; 0: one per core
	MaxConnections int    // held at once, over all loops; 0: what the limit of open files allows
	CacheSize      int64  // octets of memory for documents, over all loops; 0: 22 MiB; negative: hardly any
	OneAtATime     bool   // one connection at a time, closed after its reply: for debugging
	Server         string // the Server field; "" sends none
	Log            Log    // nil: none
	Trace          Trace  // shows each head in the Log; nil, or without a Log: none is shown

	// TrustProxy are the peers that tell in a request who their client is, which
	// is then its Peer, for the Log and for programs as well. A head that cannot
	// be understood is the peer's own. The zero value trusts none.
	TrustProxy web.Proxies

	IdleTimeout    time.Duration // for the next request to begin; 0: 75 s
	HeadTimeout    time.Duration // for a request head, from its first byte to its last; 0: 20 s
	ContentTimeout time.Duration // for a request's content, from the head on; 0: 30 s
	AnswerTimeout  time.Duration // for the Site, and for each piece of what it names; 0: 10 s
	ReplyTimeout   time.Duration // in which a client takes a fair part of its reply; 0: 30 s

	Programs *ProgramOptions // how the programs that the Site names are run; nil: not at all

	// Draining is called once, when the end begins. The owner of the listening
	// sockets may keep new clients away from now on; those that are connected
	// are still accepted. Drained is called once when that is done: no loop
	// uses the listening sockets any more, and the owner may close them while
	// requests under way are finished. Both are called from any goroutine and
	// must not block; nil: nobody is told.
	Draining, Drained func()

	// Idle is called when for some time nothing was asked for and the cache has
	// become empty, on a goroutine of its own: memory can be given back. nil:
	// nobody is told.
	Idle func()

	// Errorf is told of rare trouble that no client can be blamed for; nil:
	// nobody is. It is called from any goroutine and must not block.
	Errorf func(format string, args ...any)
}

// A Log takes one line for each request.
type Log interface {
	// Append formats the line of rec behind dst. It allocates and keeps
	// nothing; loops call it at once, each with a dst of its own.
	Append(dst []byte, rec *web.Record) []byte

	// Deliver takes whole lines, as a copy, and never blocks.
	Deliver(lines []byte)
}

// DefaultGrace is how long Serve gives requests under way to finish after its
// context has ended.
const DefaultGrace = 10 * time.Second

// lastAnswers is what the site has at least to come to the end of its answers:
// longer than a file system takes that does not hang.
const lastAnswers = 250 * time.Millisecond

// A Server answers requests on its listening sockets. Its methods are safe for
// concurrent use.
type Server struct {
	site      web.Site
	prompt    web.PromptSite // the site; nil: it may have to wait for whatever it says
	listeners []*ipc.FD      // borrowed
	opt       Options
	volumes   web.VolumeSite // the site; nil: it does not tell its file systems apart
	crew      *crew
	engines   []*engine
	budget    budget
	gate      *gate        // nil: no programs are run
	waiting   holdings     // of requests that wait for programs
	conns     atomic.Int64 // connections, over all loops
	loose     atomic.Int64 // files that are sent but not cached
	full      atomic.Int32 // loops that take no connection, for there is no room
	hung      atomic.Int64 // answers in place of file systems that do not respond
	ambiguous atomic.Int64 // requests refused for cgi.ErrAmbiguous
	spooled   spoolUse

	recalled  atomic.Bool  // budget.lent, for there are more than few clients
	listening atomic.Int32 // loops that accept connections

	documentAt atomic.Int64 // the second in which a document was last answered with

	mu  sync.Mutex
	end time.Time // guarded by mu: when the grace time is over; zero: not ending
}

// New makes a server of site on listening, non-blocking sockets, all of them
// watched by every loop. It borrows the sockets, which stay open until
// Options.Drained is called or Serve has returned, and the site, which stays
// open until Serve has returned. A nil opt means the zero Options.
func New(site web.Site, listeners []*ipc.FD, opt *Options) (*Server, error) {
	s := &Server{site: site, listeners: listeners}
	s.prompt, _ = site.(web.PromptSite)
	s.volumes, _ = site.(web.VolumeSite)
	if opt != nil {
		s.opt = *opt
	}
	s.fillOptions()
	for range s.opt.Loops {
		e, err := s.newEngine()
		if err != nil {
			s.abandon()
			return nil, fmt.Errorf("serve: %w", err)
		}
		s.engines = append(s.engines, e)
	}
	s.listening.Store(int32(len(s.engines)))
	return s, nil
}

func (s *Server) fillOptions() {
	o := &s.opt
	if o.Loops <= 0 {
		o.Loops = runtime.GOMAXPROCS(0)
	}
	if o.OneAtATime {
		o.Loops, o.MaxConnections = 1, 1
	}
	if o.Errorf == nil {
		o.Errorf = func(string, ...any) {}
	}
	if o.Programs != nil {
		programs := *o.Programs
		programs.fill(runtime.GOMAXPROCS(0))
		o.Programs = &programs
	}
	s.budget = shareOut(descriptorLimit(), len(s.listeners), o.Loops, o.Programs)
	s.crew = newCrew(s.budget.crew, s.shareOfCrew())
	if p := o.Programs; p != nil {
		if s.budget.programs < p.AtOnce {
			o.Errorf("the limit of open files allows %d programs at once, not %d; raise it (ulimit -n)", s.budget.programs, p.AtOnce)
		}
		s.gate = newGate(s.budget.programs, max(0, p.Queue))
		s.waiting.most = s.budget.waiting
	}
	switch {
	case o.CacheSize == 0:
		o.CacheSize = defaultCache
	case o.CacheSize < 0:
		o.CacheSize = 0
	}
	switch {
	case o.MaxConnections <= 0:
		o.MaxConnections = s.budget.clients
	case o.MaxConnections > s.budget.clients:
		o.Errorf("the limit of open files allows %d connections, not %d; raise it (ulimit -n)", s.budget.clients, o.MaxConnections)
		o.MaxConnections = s.budget.clients
	}
	o.Loops = min(o.Loops, o.MaxConnections)
	for _, d := range []struct {
		set   *time.Duration
		given time.Duration
	}{
		{&o.IdleTimeout, defaultIdle},
		{&o.HeadTimeout, 20 * time.Second},
		{&o.ContentTimeout, 30 * time.Second},
		{&o.AnswerTimeout, defaultAnswer},
		{&o.ReplyTimeout, 30 * time.Second},
	} {
		if *d.set <= 0 {
			*d.set = d.given
		}
	}
	if o.Log == nil {
		o.Trace = nil
	}
}

// defaultIdle is longer than the 60 s after which balancers close connections
// that they keep to a server. They then close first, and do not send a request
// on a connection that is being closed.
const defaultIdle = 75 * time.Second

func (s *Server) newEngine() (*engine, error) {
	p, err := ready.Open(s.opt.Poller)
	if err != nil {
		return nil, err
	}
	e := newEngine(s, loop.New(p))
	for _, fd := range s.listeners {
		if err := e.listen(fd); err != nil {
			e.loop.Stop()
			e.loop.Run()
			return nil, err
		}
	}
	return e, nil
}

// abandon frees what New made. A loop that is stopped before it runs only
// closes.
func (s *Server) abandon() {
	for _, e := range s.engines {
		e.loop.Stop()
		e.loop.Run()
	}
}

// Serve answers until ctx ends, then finishes as Shutdown(DefaultGrace) does,
// and returns nil when all that it started has ended. It returns earlier, and
// with an error, only when a loop fails. It is called once.
//
// An Answer of the site that hangs beyond the grace time, in a file system that
// does not respond, is left behind, which Errorf is told: the site is then still
// in use.
func (s *Server) Serve(ctx context.Context) error {
	shut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(shut)
		s.Shutdown(DefaultGrace)
	})
	defer func() {
		if !stop() {
			<-shut
		}
	}()
	errs := make([]error, len(s.engines))
	var running sync.WaitGroup
	for i, e := range s.engines {
		running.Go(func() {
			if errs[i] = e.loop.Run(); errs[i] != nil {
				s.Shutdown(0)
			}
			e.killPrograms()
			e.cache.clear()
		})
	}
	running.Wait()
	if n := s.crew.close(max(lastAnswers, s.grace())); n > 0 {
		s.opt.Errorf("serve: answers of the site that hang and are left behind: %d", n)
	}
	return errors.Join(errs...)
}

// Shutdown begins the end and returns at once: the clients that wait in the
// queues of the listening sockets are accepted and none after them, idle
// connections are closed, others after the reply under way, and what is left
// after the grace time is cut. Serve returns when that is done. A later call can
// only make it sooner.
func (s *Server) Shutdown(grace time.Duration) {
	s.mu.Lock()
	first := s.end.IsZero()
	if end := time.Now().Add(grace); s.end.IsZero() || end.Before(s.end) {
		s.end = end
	}
	s.mu.Unlock()
	if first && s.opt.Draining != nil {
		s.opt.Draining()
	}
	for _, e := range s.engines {
		e.loop.Post(e.finish)
		e.loop.Post(func() { e.loop.After(grace, e.cut) })
	}
}

// noteDrained is told by each loop that it accepts no more connections.
func (s *Server) noteDrained() {
	if s.listening.Add(-1) == 0 && s.opt.Drained != nil {
		s.opt.Drained()
	}
}

// grace returns what is left of the grace time.
func (s *Server) grace() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.end)
}
