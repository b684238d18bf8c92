package main

import (
	"slices"

	"xanadu/ipc/ready"
)

// ways returns the ways that this system has: the lecture's four, and then those
// that wait for a set of descriptors.
func ways() []way {
	list := []way{
		{"blocking", "read from one until its end, then from the next", inTurn},
		{"processes", "one process for each", processes},
		{"polling", "ask each without waiting, sleep for some time, ask again", polling},
		{"sigio", "a signal tells that something happened, but not to whom", notified},
	}
	list = append(list, asynchronous...)
	for _, name := range slices.Backward(ready.Names()) {
		list = append(list, way{name, sets[name], waiting(name)})
	}
	return list
}

// sets says what is special about each way to wait for a set of descriptors.
var sets = map[string]string{
	"select":  "build sets of bits, wait, look at every bit",
	"pselect": "select with a finer timeout and a signal mask",
	"poll":    "build a list, wait, look at every entry",
	"epoll":   "the kernel keeps the set and returns who is ready",
}
