package pipe_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

func TestNew(t *testing.T) {
	for _, flags := range []pipe.Flags{0, pipe.O_NONBLOCK} {
		t.Run(fmt.Sprintf("%#x", flags), func(t *testing.T) {
			r, w := newPipe(t, flags)
			for _, fd := range []*ipc.FD{r, w} {
				checkFlags(t, fd, flags == pipe.O_NONBLOCK)
			}
			put(t, w, "In Xanadu, did ")
			put(t, w, "Kubla Khan . . .")
			if n := ask(t, pipe.Waiting, r); n != 31 {
				t.Errorf("%d bytes wait, want 31", n)
			}
			check(t, r, "In Xanadu, did Kubla Khan . . .")
			put(t, w, "x")
			w.Close()
			check(t, r, "x")
			check(t, r, "")
			check(t, r, "")
		})
	}
}

func ask(t testing.TB, call func(*ipc.FD) (int, error), fd *ipc.FD) int {
	t.Helper()
	n, err := call(fd)
	return must(t, n, err)
}

// The end comes when the last of several writers has closed.
func TestLastWriter(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	n, err := unix.FcntlInt(uintptr(w.Number()), unix.F_DUPFD_CLOEXEC, 0)
	second := ipc.NewFD(must(t, n, err))
	w.Close()
	if _, err := pipe.Read(r, make([]byte, 1)); err != pipe.ErrWouldBlock || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("Read with one writer left: %v, want ErrWouldBlock", err)
	}
	second.Close()
	check(t, r, "")
}

// A write without a reader is an error, and the process lives on.
func TestLastReader(t *testing.T) {
	r, w := newPipe(t, 0)
	put(t, w, "never read")
	r.Close()
	for range 2 {
		if _, err := pipe.Write(w, []byte("x")); !errors.Is(err, unix.EPIPE) {
			t.Errorf("Write without a reader: %v, want EPIPE", err)
		}
	}
}

// A writer that waits goes on when there is room, and learns when there will be
// none.
func TestWaitingWriter(t *testing.T) {
	const size = 1 << 20
	r, w := newPipe(t, 0)
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	write := func() {
		n, err := pipe.Write(w, make([]byte, size))
		results <- result{n, err}
	}
	go write()
	b := make([]byte, 64<<10)
	for got := 0; got < size; {
		n, err := pipe.Read(r, b)
		if n == 0 || err != nil {
			t.Fatalf("after %d bytes: %d, %v", got, n, err)
		}
		got += n
	}
	if got := <-results; got != (result{size, nil}) {
		t.Errorf("Write: %v, want %d bytes", got, size)
	}
	go write()
	ask(t, func(fd *ipc.FD) (int, error) { return pipe.Read(fd, b) }, r)
	r.Close()
	// What was taken before counts as success (write(2)).
	if got := <-results; got.n == size || got.n == 0 && !errors.Is(got.err, unix.EPIPE) {
		t.Errorf("Write whose reader goes away: %v", got)
	}
}

// Up to PIPE_BUF bytes go in whole or not at all, whatever room there is.
func TestNonblockingAtomicity(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	taken := fill(t, w)
	if n := ask(t, pipe.Waiting, r); n != taken {
		t.Errorf("%d bytes wait, want %d", n, taken)
	}
	b := make([]byte, 2*pipe.PIPE_BUF)
	ask(t, func(fd *ipc.FD) (int, error) { return pipe.Read(fd, b[:pipe.PIPE_BUF-1]) }, r)
	if n, err := pipe.Write(w, b[:pipe.PIPE_BUF]); n != 0 || err != pipe.ErrWouldBlock {
		t.Errorf("Write of PIPE_BUF bytes with less room: %d, %v, want ErrWouldBlock", n, err)
	}
	ask(t, func(fd *ipc.FD) (int, error) { return pipe.Read(fd, b[:1]) }, r)
	if n, err := pipe.Write(w, b); n == 0 || n == len(b) || err != nil {
		t.Errorf("Write of more than there is room for: %d, %v, want a part", n, err)
	}
}

// Records of PIPE_BUF bytes from many writers arrive in one piece each.
func TestInterleaving(t *testing.T) {
	const writers, records = 8, 100
	r, w := newPipe(t, 0)
	var all sync.WaitGroup
	for i := range writers {
		record := bytes.Repeat([]byte{byte('a' + i)}, pipe.PIPE_BUF)
		all.Go(func() {
			for range records {
				if n, err := pipe.Write(w, record); n != len(record) || err != nil {
					t.Errorf("Write: %d, %v", n, err)
					return
				}
			}
		})
	}
	go func() { all.Wait(); w.Close() }()
	record := make([]byte, 0, pipe.PIPE_BUF)
	got := 0
	for {
		n, err := pipe.Read(r, record[len(record):cap(record)])
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if record = record[:len(record)+n]; len(record) < cap(record) {
			continue
		}
		if bytes.Count(record, record[:1]) != len(record) {
			t.Fatalf("record %d is of several writers", got)
		}
		record = record[:0]
		got++
	}
	if got != writers*records || len(record) != 0 {
		t.Errorf("%d records and %d bytes, want %d", got, len(record), writers*records)
	}
}

func TestSetNonblock(t *testing.T) {
	r, w := newPipe(t, 0)
	for _, nonblock := range []bool{true, true, false} {
		if err := pipe.SetNonblock(r, nonblock); err != nil {
			t.Fatal(err)
		}
		checkFlags(t, r, nonblock)
		checkFlags(t, w, false)
	}
}

// Every error names the operation, the thing, the call and the errno.
func TestErrors(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	closed, _ := newPipe(t, 0)
	closed.Close()
	b := make([]byte, 1)
	second := func(_ int, err error) error { return err }
	for _, test := range []struct {
		name string
		err  error
		want string
		is   error
	}{
		{"read what is closed", second(pipe.Read(closed, b)), "read from closed fd: read: ", unix.EBADF},
		{"read the end to write to", second(pipe.Read(w, b)), "read from " + w.String() + ": read: ", unix.EBADF},
		{"write to the end to read from", second(pipe.Write(r, b)), "write to " + r.String() + ": write: ", unix.EBADF},
		{"count what is closed", second(pipe.Waiting(closed)), "count what waits in closed fd: ioctl: ", unix.EBADF},
		{"set what is closed", pipe.SetNonblock(closed, true), "set closed fd to wait or not: fcntl: ", unix.EBADF},
	} {
		if !errors.Is(test.err, test.is) || !strings.HasPrefix(test.err.Error(), test.want) {
			t.Errorf("%s: %v, want %s%v", test.name, test.err, test.want, test.is)
		}
	}
}

func TestExhausted(t *testing.T) {
	failures := kit.Exhaust(t, func() error {
		r, w, err := pipe.New(0)
		if err != nil {
			return err
		}
		return errors.Join(r.Close(), w.Close())
	})
	if failures != 2 {
		t.Errorf("%d failures, want 2: one for each end", failures)
	}
}

// Calls that belong to an inner loop allocate nothing.
func TestAllocations(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	b := make([]byte, 100)
	n := testing.AllocsPerRun(100, func() {
		for {
			if _, err := pipe.Write(w, b); err != nil {
				break
			}
		}
		for {
			if _, err := pipe.Read(r, b); err != nil {
				break
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
