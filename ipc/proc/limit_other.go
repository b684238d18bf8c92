//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
)

// SetLimits sets limits of a child that runs, which only Linux lets a parent do:
// errors.ErrUnsupported.
func (p *Process) SetLimits(limits ...Limit) error {
	return fmt.Errorf("limit process %d: %w: only Linux lets a parent set its child's", p.pid, errors.ErrUnsupported)
}
