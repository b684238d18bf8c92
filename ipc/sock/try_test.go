package sock_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc/sock"
)

// They do not wait, though the sockets would.
func TestTry(t *testing.T) {
	for _, typ := range []sock.Type{sock.SOCK_STREAM, sock.SOCK_DGRAM} {
		t.Run(typ.String(), func(t *testing.T) {
			a, b, err := sock.Socketpair(sock.AF_UNIX, typ, 0)
			if err != nil {
				t.Fatal(err)
			}
			kept(t, a)
			kept(t, b)
			buf := make([]byte, 64)
			if n, err := sock.TryRecv(b, buf); n != 0 || err != sock.ErrWouldBlock {
				t.Errorf("TryRecv of nothing: %d, %v, want ErrWouldBlock", n, err)
			}
			if n, err := sock.TrySend(a, []byte("ancestral voices")); n != 16 || err != nil {
				t.Errorf("TrySend: %d, %v", n, err)
			}
			if n, err := sock.TryRecv(b, buf); string(buf[:n]) != "ancestral voices" || err != nil {
				t.Errorf("TryRecv: %q, %v", buf[:n], err)
			}
			for err == nil {
				_, err = sock.TrySend(a, bytes.Repeat([]byte("war "), 1000))
			}
			if err != sock.ErrWouldBlock {
				t.Errorf("TrySend without end: %v, want ErrWouldBlock", err)
			}
		})
	}
}

func TestTryErrors(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	name := a.String()
	b.Close()
	if n, err := sock.TryRecv(a, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("TryRecv at the end: %d, %v", n, err)
	}
	_, err := sock.TrySend(a, []byte("x"))
	if !errors.Is(err, unix.EPIPE) || err.Error() != "send to the peer of "+name+": send: "+unix.EPIPE.Error() {
		t.Errorf("TrySend to one that is gone: %v, want EPIPE", err)
	}
	_, err = sock.TryRecv(b, make([]byte, 1))
	if !errors.Is(err, unix.EBADF) || err.Error() != "receive from closed fd: recv: "+unix.EBADF.Error() {
		t.Errorf("TryRecv after Close: %v, want EBADF", err)
	}
}

// What is called for each message allocates nothing.
func TestTryAllocatesNothing(t *testing.T) {
	a, b := pair(t, sock.SOCK_STREAM)
	buf := make([]byte, 1)
	count := testing.AllocsPerRun(100, func() {
		sock.TrySend(a, buf)
		sock.TryRecv(b, buf)
		sock.TryRecv(b, buf) // which would have to wait
	})
	if count != 0 {
		t.Errorf("%v allocations, want none", count)
	}
}
