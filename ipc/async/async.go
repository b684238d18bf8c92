//go:build unix

// Package async has the kernel tell a program about its descriptors, while the
// program does something else: the fourth of the classic ways to handle many of
// them, beside blocking on one after the other, a process for each, and asking
// all of them again and again. Package ready is the fifth: to wait for all at
// once.
//
// The kernel has three ways to tell, from the oldest to the newest:
//
//   - Notify has it send SIGIO when something has happened to a descriptor. The
//     signal does not say to which: ask them, with calls that do not wait.
//   - Signals (Linux) takes signals that do say which, one after the other.
//   - A Ring (io_uring, Linux 5.11) is given the work itself, to read, to receive,
//     to write, to send or to poll, and tells what became of it: OpenRing, then
//     any number of operations, then Wait.
//
// Signals tell of changes, not of states: of what was there to read before, or
// is there still, no signal comes. So a descriptor is asked once after it was
// added, and read until the call would have to wait whenever a signal came. A
// Ring has no such trap.
//
// What a system lacks, or its administrator forbids, is errors.ErrUnsupported.
// The package starts no goroutines. A Signals and a Ring belong to a thread:
// from Open to Close they lock the calling goroutine to it.
package async

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Events are the conditions of poll(2), or'ed.
type Events uint32

const (
	POLLIN  Events = unix.POLLIN  // there is something to read, or the end
	POLLOUT Events = unix.POLLOUT // there is room to write
	POLLPRI Events = unix.POLLPRI // an exceptional condition, as out-of-band data
	POLLERR Events = unix.POLLERR // an error is pending; not to be asked for
	POLLHUP Events = unix.POLLHUP // the other side is gone; not to be asked for
)

type eventName struct {
	event Events
	name  string
}

// eventNames are in the order in which String names them.
var eventNames = append([]eventName{
	{POLLIN, "POLLIN"}, {POLLOUT, "POLLOUT"}, {POLLPRI, "POLLPRI"}, {POLLERR, "POLLERR"}, {POLLHUP, "POLLHUP"},
}, ownEventNames...)

// String returns the names in the manual, as "POLLIN|POLLHUP", and "0" for none.
func (e Events) String() string {
	var list []string
	for _, known := range eventNames {
		if e&known.event != 0 {
			list = append(list, known.name)
			e &^= known.event
		}
	}
	if e != 0 {
		list = append(list, fmt.Sprintf("%#x", uint32(e)))
	}
	if len(list) == 0 {
		return "0"
	}
	return strings.Join(list, "|")
}
