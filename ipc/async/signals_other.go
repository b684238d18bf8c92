//go:build unix && !linux

package async

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"xanadu/ipc"
)

// A Signals cannot be had on this system: OpenSignals says so. Linux has
// F_SETSIG.
type Signals struct{}

// OpenSignals returns errors.ErrUnsupported.
func OpenSignals(signal syscall.Signal) (*Signals, error) {
	return nil, fmt.Errorf("take signal %d: %w: this system's signals do not tell the descriptor", int(signal), errors.ErrUnsupported)
}

// The methods are there for programs to compile. Without a Signals none is called.

// Add returns errors.ErrUnsupported.
func (s *Signals) Add(fd *ipc.FD) error { return errors.ErrUnsupported }

// Remove returns errors.ErrUnsupported.
func (s *Signals) Remove(fd *ipc.FD) error { return errors.ErrUnsupported }

// Wait returns errors.ErrUnsupported.
func (s *Signals) Wait(dst []Signal, timeout time.Duration) (int, error) {
	return 0, errors.ErrUnsupported
}

// Close returns errors.ErrUnsupported.
func (s *Signals) Close() error { return errors.ErrUnsupported }
