//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
)

// MayLimit says why Start cannot set Limits: errors.ErrUnsupported.
func MayLimit() error {
	return fmt.Errorf("limits: %w: only Linux lets a parent set its child's", errors.ErrUnsupported)
}

// SetLimits sets limits of a child that runs, which only Linux lets a parent do:
// errors.ErrUnsupported.
func (p *Process) SetLimits(limits ...Limit) error {
	return fmt.Errorf("limit process %d: %w: only Linux lets a parent set its child's", p.pid, errors.ErrUnsupported)
}
