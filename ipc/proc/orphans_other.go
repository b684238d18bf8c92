//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
)

// AdoptOrphans has orphans come to this process, which only Linux does:
// errors.ErrUnsupported.
func AdoptOrphans() (stop func(), err error) {
	return nil, fmt.Errorf("adopt orphans: %w: only Linux lets a process do so", errors.ErrUnsupported)
}
