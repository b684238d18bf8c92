//go:build unix && !linux

package proc

import (
	"errors"
	"fmt"
)

// Terminal wires a child by a pseudo-terminal. These systems make one each in
// their own way, and none of them is here: errors.ErrUnsupported.
func Terminal() (ours, childs Stdio, err error) {
	return ours, childs, fmt.Errorf("make a terminal: %w: only on Linux", errors.ErrUnsupported)
}
