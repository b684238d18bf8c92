// Package ipc is the hall of the wing in which processes talk: the noun that
// its rooms share, a descriptor with one owner.
//
// The rooms are addr (text and addresses), sock (sockets), pipe (pipes and
// FIFOs), proc (children), ready (waiting for many descriptors), async (being
// told) and loop (one goroutine, one kernel queue).
package ipc

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// An FD is an open file descriptor with one owner, who closes it once.
//
// A function that takes an *FD borrows it for the call unless its comment says
// "takes ownership". All methods are safe for concurrent use; whoever uses the
// number while another goroutine closes the FD may meet a newcomer under the
// same number, so the owner ends its users first.
type FD struct {
	n atomic.Int32 // the number plus one; 0 when closed or disowned
}

// NewFD takes ownership of the open descriptor number n. It panics when n is
// negative.
func NewFD(n int) *FD {
	if n < 0 {
		panic(fmt.Sprintf("ipc: NewFD(%d): not a descriptor", n))
	}
	fd := new(FD)
	fd.n.Store(int32(n) + 1)
	return fd
}

// Number lends the descriptor's number, or returns -1 after Close or Disown.
func (fd *FD) Number() int { return int(fd.n.Load()) - 1 }

// Disown gives the number to the caller, who closes it from now on. It returns
// -1 when there is nothing to give.
func (fd *FD) Disown() int { return int(fd.n.Swap(0)) - 1 }

// Close closes the descriptor (close(2)). A second Close, or one after Disown,
// returns an error that is os.ErrClosed and touches no descriptor.
//
// EINTR is not an error here: Linux and the BSDs have freed the number when
// close returns it, and a second try could hit a newcomer.
func (fd *FD) Close() error {
	n := fd.Disown()
	if n < 0 {
		return fmt.Errorf("close descriptor: %w", os.ErrClosed)
	}
	if err := syscall.Close(n); err != nil && err != syscall.EINTR {
		return fmt.Errorf("close descriptor %d: %w", n, os.NewSyscallError("close", err))
	}
	return nil
}

// String names the descriptor for messages: "fd 5", or "closed fd".
func (fd *FD) String() string {
	if n := fd.Number(); n >= 0 {
		return fmt.Sprintf("fd %d", n)
	}
	return "closed fd"
}
