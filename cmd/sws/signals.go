package main

import (
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"xanadu/web/accesslog"
	"xanadu/web/httpd"
)

// slack is what the server gets beyond its grace time to come to its end. After
// that the process ends all the same: a file system that hangs must not keep it.
const slack = time.Second

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
//   - SIGHUP opens the log anew.
func obey(server *httpd.Server, log *accesslog.Log, errorf func(string, ...any)) *signals {
	s := &signals{
		caught: make(chan os.Signal, 8),
		quit:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	signal.Notify(s.caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	reopen := func() {
		if log == nil {
			return
		}
		if err := log.Reopen(); err != nil {
			errorf("%v; the old file is written on", err)
		}
	}
	go s.watch(reopen, server.Shutdown, os.Exit)
	return s
}

// watch is the goroutine: reopen, shutdown and exit are what it can do.
func (s *signals) watch(reopen func(), shutdown func(grace time.Duration), exit func(status int)) {
	defer close(s.done)
	var overdue *time.Timer
	ending := false
	for {
		select {
		case <-s.quit:
			if overdue != nil {
				overdue.Stop()
			}
			return
		case sig := <-s.caught:
			switch sig {
			case syscall.SIGHUP:
				reopen()
			case syscall.SIGTERM, syscall.SIGINT:
				grace := httpd.DefaultGrace
				if ending {
					s.cut.Store(true)
					grace = 0
				}
				ending = true
				if overdue != nil {
					overdue.Stop()
				}
				overdue = time.AfterFunc(grace+slack, func() { exit(1) })
				shutdown(grace)
			}
		}
	}
}

// release gives the signals back their defaults and ends the goroutine. From
// then on a SIGTERM ends the process at once.
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
