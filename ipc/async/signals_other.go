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

// No other method is ever called.

func (s *Signals) Add(fd *ipc.FD) error    { return errors.ErrUnsupported }
func (s *Signals) Remove(fd *ipc.FD) error { return errors.ErrUnsupported }
func (s *Signals) Wait(dst []Signal, timeout time.Duration) (int, error) {
	return 0, errors.ErrUnsupported
}
func (s *Signals) Close() error { return errors.ErrUnsupported }
