package main

import (
	"errors"
	"time"

	"xanadu/ipc/pipe"
)

// polling asks each source in turn, none of which waits, and then sleeps for some
// time: short and the processor is busy with asking, long and the answers are
// late.
//
// Calls: fcntl (O_NONBLOCK); read, mostly EAGAIN.
func polling(sources []*source) error {
	const pause = 10 * time.Millisecond
	if err := waitForNone(sources); err != nil {
		return err
	}
	for {
		var err error
		if sources, err = ask(sources); err != nil || len(sources) == 0 {
			return err
		}
		time.Sleep(pause)
	}
}

// waitForNone makes the sources such that reading from them does not wait.
func waitForNone(sources []*source) error {
	for _, s := range sources {
		if err := pipe.SetNonblock(s.fd, true); err != nil {
			return err
		}
	}
	return nil
}

// ask hears what each source has to say now and returns those that are not at
// their end.
func ask(sources []*source) (left []*source, err error) {
	for _, s := range sources {
		more, err := s.hearAll()
		if err != nil {
			return nil, err
		}
		if more {
			left = append(left, s)
		}
	}
	return left, nil
}

// hearAll hears all that the source has to say now. It returns false at its end.
func (s *source) hearAll() (more bool, err error) {
	for {
		more, err := s.hear()
		switch {
		case errors.Is(err, pipe.ErrWouldBlock):
			return true, nil
		case err != nil || !more:
			return false, err
		}
	}
}
