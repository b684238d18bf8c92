package main

import (
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"xanadu/web/httpd"
)

const (
	// slack is what the server gets beyond its grace time to come to its end.
	// After that the process ends all the same: a file system that hangs must
	// not keep it.
	slack = time.Second

	// lastTime is what the process has, after the server has ended, to close
	// what it has opened: more than the log and the messages take that wait for
	// their reader (accesslog.Log.Close, lastWords).
	lastTime = 5 * time.Second

	// slowTime is how long SIGHUP's work may take before a message says so.
	slowTime = 5 * time.Second
)

// surviveBrokenPipes makes a pipe whose reader went away an error of the write
// to it, and no more, for the rest of the process: on stdout and stderr Go would
// end the process (os/signal). A handler, other than ignoring the signal, is not
// passed on to the programs that this one starts.
func surviveBrokenPipes() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// signals is the goroutine that turns signals into what sws(1) says they do.
type signals struct {
	caught chan os.Signal
	quit   chan struct{}
	done   chan struct{}
	cut    atomic.Bool // a second signal came: requests under way were cut
}

// obey starts to act on signals, until release is called:
//
//   - SIGTERM and SIGINT finish the requests under way and end the server; a
//     second one of them ends it at once.
//   - SIGHUP calls reopen, which may block: it has a goroutine of its own.
//
// When the end takes too long, exit is called to end the process.
func obey(server *httpd.Server, reopen func(), exit func(status int)) *signals {
	s := &signals{
		caught: make(chan os.Signal, 8),
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	signal.Notify(s.caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go s.watch(reopen, server.Shutdown, exit)
	return s
}

// watch is the goroutine: reopen, shutdown and exit are what it can do.
func (s *signals) watch(reopen func(), shutdown func(grace time.Duration), exit func(status int)) {
	defer close(s.done)
	var overdue *time.Timer
	endWithin := func(d time.Duration) {
		if overdue != nil {
			overdue.Stop()
		}
		overdue = time.AfterFunc(d, func() { exit(1) })
	}
	reopening := newRepeater(reopen)
	ending := false
	for {
		select {
		case <-s.quit:
			endWithin(lastTime) // which nothing stops but the end of the process
			reopening.end(slack)
			return
		case <-reopening.done:
			reopening.again()
		case sig := <-s.caught:
			switch sig {
			case syscall.SIGHUP:
				reopening.ask()
			case syscall.SIGTERM, syscall.SIGINT:
				grace := httpd.DefaultGrace
				if ending {
					s.cut.Store(true)
					grace = 0
				}
				ending = true
				endWithin(grace + slack)
				shutdown(grace)
			}
		}
	}
}

// telling returns a function that runs run and, when that takes longer than
// slowTime, calls tell meanwhile.
func telling(run, tell func()) func() {
	return func() {
		slow := time.AfterFunc(slowTime, tell)
		defer slow.Stop()
		run()
	}
}

// A repeater runs a function that may block on a goroutine of its own, once at a
// time. However often it is asked for while it runs, it runs once more then.
type repeater struct {
	run     func()
	done    chan struct{} // a run has ended: the owner calls again
	running bool
	asked   bool // meanwhile
}

func newRepeater(run func()) *repeater {
	return &repeater{run: run, done: make(chan struct{}, 1)}
}

func (r *repeater) ask() {
	if r.running {
		r.asked = true
		return
	}
	r.running = true
	go func() {
		r.run()
		r.done <- struct{}{}
	}()
}

func (r *repeater) again() {
	r.running = false
	if r.asked {
		r.asked = false
		r.ask()
	}
}

// end waits for what was asked for, but not longer than patience. What takes
// longer is left behind.
func (r *repeater) end(patience time.Duration) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for r.running {
		select {
		case <-r.done:
			r.again()
		case <-timeout.C:
			return
		}
	}
}

// release gives the signals back their defaults and ends the goroutine. From
// then on a SIGTERM ends the process at once, and so does lastTime.
func (s *signals) release() {
	signal.Stop(s.caught)
	close(s.quit)
	<-s.done
}

// verdict is the error to end with: nil unless a signal cut requests off.
func (s *signals) verdict() error {
	if s.cut.Load() {
		return errors.New("a second signal cut off the requests under way")
	}
	return nil
}
