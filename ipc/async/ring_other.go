//go:build unix && !linux

package async

import (
	"errors"
	"fmt"
	"time"

	"xanadu/ipc"
)

var ownEventNames []eventName

// A Ring cannot be had on this system: OpenRing says so. Linux has io_uring(7).
type Ring struct{}

// OpenRing returns errors.ErrUnsupported.
func OpenRing(room int) (*Ring, error) {
	return nil, fmt.Errorf("open ring: %w: this system has no io_uring", errors.ErrUnsupported)
}

// The methods are there for programs to compile. Without a Ring none is called.

// Read returns errors.ErrUnsupported.
func (r *Ring) Read(fd *ipc.FD, b []byte, token uint64) error { return errors.ErrUnsupported }

// Write returns errors.ErrUnsupported.
func (r *Ring) Write(fd *ipc.FD, b []byte, token uint64) error { return errors.ErrUnsupported }

// Recv returns errors.ErrUnsupported.
func (r *Ring) Recv(fd *ipc.FD, b []byte, flags int, token uint64) error {
	return errors.ErrUnsupported
}

// Send returns errors.ErrUnsupported.
func (r *Ring) Send(fd *ipc.FD, b []byte, flags int, token uint64) error {
	return errors.ErrUnsupported
}

// Poll returns errors.ErrUnsupported.
func (r *Ring) Poll(fd *ipc.FD, events Events, token uint64) error { return errors.ErrUnsupported }

// Cancel returns errors.ErrUnsupported.
func (r *Ring) Cancel(token uint64) error { return errors.ErrUnsupported }

// InFlight returns 0.
func (r *Ring) InFlight() int { return 0 }

// Submit returns errors.ErrUnsupported.
func (r *Ring) Submit() error { return errors.ErrUnsupported }

// Wait returns errors.ErrUnsupported.
func (r *Ring) Wait(dst []Completion, timeout time.Duration) (int, error) {
	return 0, errors.ErrUnsupported
}

// Close returns errors.ErrUnsupported.
func (r *Ring) Close() error { return errors.ErrUnsupported }
