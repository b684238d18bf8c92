//go:build unix && !linux

package pipe_test

import (
	"errors"
	"testing"

	"xanadu/ipc/pipe"
)

// What only Linux has is refused with a reason, and nothing is done.
func TestUnsupported(t *testing.T) {
	r, w := newPipe(t, 0)
	for name, call := range map[string]func() (int, error){
		"Capacity":    func() (int, error) { return pipe.Capacity(r) },
		"SetCapacity": func() (int, error) { return pipe.SetCapacity(r, 1) },
		"Splice":      func() (int, error) { return pipe.Splice(r, w, 1, 0) },
		"Tee":         func() (int, error) { return pipe.Tee(r, w, 1, 0) },
		"Reopen":      func() (int, error) { _, err := pipe.Reopen(r, 0); return 0, err },
		"packets":     func() (int, error) { _, _, err := pipe.New(pipe.O_DIRECT); return 0, err },
	} {
		if _, err := call(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}
