// Package http1 turns bytes into HTTP/1.x messages and messages into bytes
// (RFC 9110, RFC 9112). It does no I/O and keeps no state of its own.
//
// A server collects what it receives and calls ParseHead until that no longer
// says ErrMore. Content in chunks goes through a Chunked. For the answer,
// AppendStatusLine and AppendField build a head, and AppendChunkSize frames
// content of unknown length.
//
// The parser is strict where two parsers that read the same bytes differently
// would let one client speak in another's name: only CR LF ends a line, a
// length is said once or not at all, a name is a token. Whatever it refuses it
// refuses for good: after an *Error nothing further can be told apart on the
// connection, so the server answers once and closes it.
package http1

import (
	"errors"
	"strconv"
)

// The bounds on a request head, all in octets unless said otherwise. The first
// octet beyond one is refused, whether the rest has come or not.
const (
	// MaxLine bounds the request line with its CR LF. RFC 9112 §3 recommends
	// at least 8,000; twice that holds the longest targets browsers send.
	MaxLine = 16 << 10

	// MaxHead bounds the whole head: a full request line, and as much again
	// for fields, which is what a browser's cookies for one host may take up.
	MaxHead = 32 << 10

	// MaxFields bounds the field lines. Real heads have fewer than a hundred;
	// a Field takes up 56 octets of memory, so this costs at most 28 KiB.
	MaxFields = 512

	// MaxMethod bounds the method. The longest one that is registered,
	// UPDATEREDIRECTREF, has 17 octets.
	MaxMethod = 32
)

// ErrMore means that what has come so far is the beginning of a message: call
// again with that and more behind it.
var ErrMore = errors.New("the message is not complete")

// An Error says that a message must be refused: answer with Status and close
// the connection. All are constants of this package and are not to be changed.
type Error struct {
	Status int    // a final status code (RFC 9110 §15)
	Reason string // what is wrong; it holds no octet of the message
}

func (e *Error) Error() string {
	return "refuse with " + strconv.Itoa(e.Status) + ": " + e.Reason
}
