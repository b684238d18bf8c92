//go:build unix

package async

import "errors"

// A Completion tells what became of an operation.
type Completion struct {
	Token uint64 // of the operation
	N     int    // bytes read, received, written or sent; of Poll the Events
	Err   error  // nil, or an error that wraps the errno
}

// ErrFull says that as many operations are in flight as the ring has room for.
var ErrFull = errors.New("the ring is full")
