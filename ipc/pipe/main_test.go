package pipe_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// TestMain makes the test binary its own child program, too: see filter.
func TestMain(m *testing.M) {
	if manners := os.Getenv(filterManners); manners != "" {
		filter(manners)
	}
	kit.Main(m)
}

// newPipe returns a pipe until the test ends.
func newPipe(t testing.TB, flags pipe.Flags) (r, w *ipc.FD) {
	t.Helper()
	r, w, err := pipe.New(flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// put writes all of s.
func put(t testing.TB, w *ipc.FD, s string) {
	t.Helper()
	if n, err := pipe.Write(w, []byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write of %d bytes: %d, %v", len(s), n, err)
	}
}

// check compares what one Read returns; "" is the end.
func check(t testing.TB, r *ipc.FD, want string) {
	t.Helper()
	b := make([]byte, 64<<10)
	n, err := pipe.Read(r, b)
	if err != nil || string(b[:n]) != want {
		t.Errorf("Read: %d bytes, %.40q, %v, want %.40q", n, b[:n], err, want)
	}
}

// fill writes until the pipe takes nothing more and returns how many bytes it
// took.
func fill(t testing.TB, w *ipc.FD) (taken int) {
	t.Helper()
	block := make([]byte, pipe.PIPE_BUF)
	for len(block) > 0 {
		n, err := pipe.Write(w, block)
		taken += n
		if err == pipe.ErrWouldBlock {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return taken
}

func must(t testing.TB, n int, err error) int {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkFlags checks O_NONBLOCK and close-on-exec.
func checkFlags(t testing.TB, fd *ipc.FD, nonblock bool) {
	t.Helper()
	mode, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFL, 0)
	if got := mode&unix.O_NONBLOCK != 0; err != nil || got != nonblock {
		t.Errorf("%s: O_NONBLOCK is %v, %v, want %v", fd, got, err, nonblock)
	}
	flags, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("%s: not close-on-exec, %v", fd, err)
	}
}
