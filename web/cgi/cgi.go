// Package cgi is the Common Gateway Interface, version 1.1 (RFC 3875): what a
// program is told of a request, and what it says in return.
//
// Gateway.Environment and Gateway.Arguments make what the program is started
// with, Start starts it, and ParseHead reads the head of its output. All but
// Start do no I/O.
//
// Three parties speak here, and none trusts the others more than it must. A
// client's fields become variables of their own, never another's. A program
// gets what this package lists and nothing else of the server. And what a
// program writes is checked before it becomes a part of a response: it can say
// what the content is, but not where the response ends.
package cgi

import (
	"errors"
	"strconv"
)

const (
	// MaxHead bounds the head of a program's output, in octets: as much as
	// the head of a request.
	MaxHead = 32 << 10

	// MaxFields bounds its field lines.
	MaxFields = 256
)

// ErrMore means that what has come so far is the beginning of a head: call
// again with that and more behind it.
var ErrMore = errors.New("the head is not complete")

// An Error says that a request, or a program's output, must not be used:
// answer with Status. All are constants of this package and are not to be
// changed.
type Error struct {
	Status int    // a final status code (RFC 9110 §15)
	Reason string // what is wrong; it holds no octet of a client or program
}

func (e *Error) Error() string {
	return "answer " + strconv.Itoa(e.Status) + ": " + e.Reason
}
