package loop

import (
	"iter"
	"slices"
	"time"
)

// A Timeout is a queue of streams that all get the same time from the moment
// they are put in. They expire in the order they came, so that putting one in,
// taking one out and finding the next to expire cost the same whatever their
// number.
type Timeout struct {
	after       time.Duration
	first, last *Stream
}

// tick is how exact a Timeout is: a stream that is put in again within one tick
// keeps its place.
const tick = 100 * time.Millisecond

// NewTimeout makes a queue in which streams expire after the given time, which
// is at least one tick of 100 ms and as exact as that.
func (l *Loop) NewTimeout(after time.Duration) *Timeout {
	q := &Timeout{after: max(after, tick)}
	l.timeouts = append(l.timeouts, q)
	return q
}

// First returns the handler of the stream that expires next, or nil.
func (q *Timeout) First() Handler {
	if q.first == nil {
		return nil
	}
	return q.first.handler
}

// FirstSince returns the handler of the stream that expires next, and for how long
// it has been in q; nil and 0 without one.
func (q *Timeout) FirstSince() (Handler, time.Duration) {
	if q.first == nil {
		return nil, 0
	}
	return q.first.handler, q.after - (q.first.due - q.first.loop.now)
}

// All yields the handlers of the streams in q, in the order in which they expire.
// The loop over them ends before one of them leaves q.
func (q *Timeout) All() iter.Seq[Handler] {
	return func(yield func(Handler) bool) {
		for s := q.first; s != nil; s = s.next {
			if !yield(s.handler) {
				return
			}
		}
	}
}

// Timeout gives s the time of q from now on, in place of the time it had; then
// its handler's Expired is called, once. A nil q takes the time limit away.
func (s *Stream) Timeout(q *Timeout) {
	if q == nil {
		s.leaveTimeout()
		return
	}
	due := s.loop.now + q.after
	if s.timeout == q && due-s.due < tick {
		return
	}
	s.leaveTimeout()
	s.timeout, s.due, s.prev = q, due, q.last
	if q.last == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
}

func (s *Stream) leaveTimeout() {
	q := s.timeout
	if q == nil {
		return
	}
	if s.prev == nil {
		q.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.timeout, s.prev, s.next = nil, nil, nil
}

// A timer runs a function once.
type timer struct {
	due time.Duration
	run func()
}

// After has f run on the loop after d, once. A loop has a handful of these: the
// cost of one is linear in their number. What many streams need is a Timeout.
func (l *Loop) After(d time.Duration, f func()) {
	l.timers = append(l.timers, timer{time.Since(l.start) + d, f})
}

// untilTimer returns how long the loop may sleep; negative is for ever.
func (l *Loop) untilTimer() time.Duration {
	next := time.Duration(-1)
	sooner := func(due time.Duration) {
		if left := max(due-l.now, 0); next < 0 || left < next {
			next = left
		}
	}
	for _, q := range l.timeouts {
		if q.first != nil {
			sooner(q.first.due)
		}
	}
	if i := l.nextTimer(); i >= 0 {
		sooner(l.timers[i].due)
	}
	return next
}

func (l *Loop) runTimers() {
	for _, q := range l.timeouts {
		for q.first != nil && q.first.due <= l.now {
			s := q.first
			s.leaveTimeout()
			s.handler.Expired()
		}
	}
	for {
		i := l.nextTimer()
		if i < 0 || l.timers[i].due > l.now {
			return
		}
		run := l.timers[i].run
		l.timers = slices.Delete(l.timers, i, i+1)
		run()
	}
}

// nextTimer returns the index of the timer that is due first, -1 without one. Of
// two it is the one that was set first.
func (l *Loop) nextTimer() int {
	next := -1
	for i, t := range l.timers {
		if next < 0 || t.due < l.timers[next].due {
			next = i
		}
	}
	return next
}
