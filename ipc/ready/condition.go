package ready

import "golang.org/x/sys/unix"

// toPoll names the conditions in want as poll(2) does. POLLRDHUP is not among
// them: a peer that shut down its sending side is seen as end of file, POLLIN.
func toPoll(want Event) uint32 {
	var events uint32
	if want&Readable != 0 {
		events |= unix.POLLIN
	}
	if want&Writable != 0 {
		events |= unix.POLLOUT
	}
	if want&Urgent != 0 {
		events |= unix.POLLPRI
	}
	return events
}

// fromPoll reads what poll(2) found. Epoll's bits have the same values. The
// readable and writable sides of POLLHUP and POLLERR are those that select(2)
// shows.
func fromPoll(events uint32) Event {
	var e Event
	if events&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) != 0 {
		e = Readable
	}
	if events&(unix.POLLOUT|unix.POLLERR) != 0 {
		e |= Writable
	}
	if events&unix.POLLPRI != 0 {
		e |= Urgent
	}
	if events&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
		e |= Failed
	}
	return e
}
