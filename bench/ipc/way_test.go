//go:build linux

package ipcbench

import (
	"bytes"
	"testing"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// What is more than a pipe holds goes in parts, of which none is lost or changes
// places.
func TestWay(t *testing.T) {
	r, w, err := pipe.New(0)
	own(t, err, r, w)
	const pattern = 251 // no divisor of a part's size
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(i % pattern)
	}
	in := way{reopened(t, r), pipe.TryRead, r, pipe.Read}
	out := way{reopened(t, w), pipe.TryWrite, w, pipe.Write}
	go out.all(sent)
	received := make([]byte, len(sent))
	in.all(received)
	if !bytes.Equal(received, sent) {
		t.Error("what was received is not what was sent")
	}
}

func reopened(t *testing.T, fd *ipc.FD) *ipc.FD {
	t.Helper()
	again, err := pipe.Reopen(fd, pipe.O_NONBLOCK)
	own(t, err, again)
	return again
}
