package pipe_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc/pipe"
)

func TestTry(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	b := make([]byte, 64)
	if n, err := pipe.TryRead(r, b); n != 0 || err != pipe.ErrWouldBlock {
		t.Errorf("TryRead of nothing: %d, %v, want ErrWouldBlock", n, err)
	}
	if n, err := pipe.TryWrite(w, []byte("a damsel with a dulcimer")); n != 24 || err != nil {
		t.Errorf("TryWrite: %d, %v", n, err)
	}
	if n, err := pipe.TryRead(r, b); string(b[:n]) != "a damsel with a dulcimer" || err != nil {
		t.Errorf("TryRead: %q, %v", b[:n], err)
	}
	taken := fill(t, w)
	if n, err := pipe.TryWrite(w, b); n != 0 || err != pipe.ErrWouldBlock {
		t.Errorf("TryWrite to a full pipe: %d, %v, want ErrWouldBlock", n, err)
	}
	for taken > 0 {
		n, err := pipe.TryRead(r, b)
		taken -= must(t, n, err)
	}
	w.Close()
	if n, err := pipe.TryRead(r, b); n != 0 || err != nil {
		t.Errorf("TryRead at the end: %d, %v", n, err)
	}
}

func TestTryErrors(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	name := w.String()
	r.Close()
	_, err := pipe.TryWrite(w, []byte("x"))
	if !errors.Is(err, unix.EPIPE) || err.Error() != "write to "+name+": write: "+unix.EPIPE.Error() {
		t.Errorf("TryWrite without a reader: %v, want EPIPE", err)
	}
	name = r.String()
	_, err = pipe.TryRead(r, make([]byte, 1))
	if !errors.Is(err, unix.EBADF) || err.Error() != "read from "+name+": read: "+unix.EBADF.Error() {
		t.Errorf("TryRead after Close: %v, want EBADF", err)
	}
}

// What is called for each message allocates nothing.
func TestTryAllocatesNothing(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	b := make([]byte, 1)
	count := testing.AllocsPerRun(100, func() {
		pipe.TryWrite(w, b)
		pipe.TryRead(r, b)
		pipe.TryRead(r, b) // which would have to wait
	})
	if count != 0 {
		t.Errorf("%v allocations, want none", count)
	}
}
