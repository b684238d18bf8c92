//go:build unix

package async

import (
	"errors"

	"xanadu/ipc"
)

// A Signal tells what happened to a descriptor.
type Signal struct {
	FD     *ipc.FD // as it was added
	Events Events
}

// ErrOverflow says that signals were lost, since more came than the system
// queues: ask all descriptors who is ready.
var ErrOverflow = errors.New("signals were lost")
