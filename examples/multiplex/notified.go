package main

import (
	"os"
	"os/signal"
	"syscall"

	"xanadu/ipc/async"
)

// notified is told by a signal, SIGIO, that something has happened, and could do
// something else meanwhile. The signal does not say to whom, so all are asked:
// once at the beginning, for what was there before, and after each signal.
//
// Calls: fcntl (F_SETOWN, O_ASYNC, O_NONBLOCK); read.
func notified(sources []*source) error {
	happened := make(chan os.Signal, 1)
	signal.Notify(happened, syscall.SIGIO)
	for _, s := range sources {
		if err := async.Notify(s.fd); err != nil {
			return err
		}
	}
	if err := waitForNone(sources); err != nil {
		return err
	}
	for {
		var err error
		if sources, err = ask(sources); err != nil || len(sources) == 0 {
			return err
		}
		<-happened
	}
}
