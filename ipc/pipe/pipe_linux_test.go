package pipe_test

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// The second opening of an end is another end of the same pipe.
func TestReopen(t *testing.T) {
	r, w := newPipe(t, 0)
	r2, err := pipe.Reopen(r, pipe.O_NONBLOCK)
	r2 = opened(t, r2, err)
	w2, err := pipe.Reopen(w, pipe.O_NONBLOCK)
	w2 = opened(t, w2, err)
	checkFlags(t, r, false)
	checkFlags(t, w, false)
	checkFlags(t, r2, true)
	checkFlags(t, w2, true)
	if _, err := pipe.TryRead(r2, make([]byte, 1)); err != pipe.ErrWouldBlock {
		t.Errorf("TryRead of nothing: %v, want ErrWouldBlock", err)
	}
	put(t, w, "five miles ")
	put(t, w2, "meandering")
	check(t, r2, "five miles meandering")
	if _, err := pipe.Write(r2, []byte("x")); !errors.Is(err, unix.EBADF) {
		t.Errorf("Write to the end to read from: %v, want EBADF", err)
	}
	w.Close()
	if _, err := pipe.TryRead(r2, make([]byte, 1)); err != pipe.ErrWouldBlock {
		t.Errorf("TryRead with one writer left: %v, want ErrWouldBlock", err)
	}
	w2.Close()
	check(t, r, "")
	check(t, r2, "")
}

// A pipe that keeps packets apart goes on to do so, and one that does not begins to.
func TestReopenPackets(t *testing.T) {
	for _, test := range []struct {
		name         string
		first, again pipe.Flags
	}{
		{"as it was", pipe.O_DIRECT, pipe.O_NONBLOCK},
		{"from now on", 0, pipe.O_DIRECT | pipe.O_NONBLOCK},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, w := newPipe(t, test.first)
			w2, err := pipe.Reopen(w, test.again)
			w2 = opened(t, w2, err)
			checkFlags(t, w2, true)
			put(t, w2, "honey-dew")
			put(t, w2, "the milk of Paradise")
			check(t, r, "honey-dew")
			check(t, r, "the milk of Paradise")
		})
	}
}

func TestReopenFIFO(t *testing.T) {
	path := mkfifo(t)
	r, err := pipe.OpenReader(path, pipe.O_NONBLOCK)
	r = opened(t, r, err)
	w, err := pipe.OpenWriter(path, 0)
	w = opened(t, w, err)
	if err := unix.Unlink(path); err != nil {
		t.Fatal(err)
	}
	waits, err := pipe.Reopen(r, 0)
	waits = opened(t, waits, err)
	checkFlags(t, waits, false)
	put(t, w, "alph")
	check(t, waits, "alph")
}

func TestReopenErrors(t *testing.T) {
	number, err := unix.Open(".", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	folder := opened(t, ipc.NewFD(must(t, number, err)), nil)
	closed, _ := newPipe(t, 0)
	closed.Close()
	path := mkfifo(t)
	reader, err := pipe.OpenReader(path, pipe.O_NONBLOCK)
	reader = opened(t, reader, err)
	lonely, err := pipe.OpenWriter(path, 0)
	lonely = opened(t, lonely, err)
	reader.Close()
	number, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	socket := opened(t, ipc.NewFD(must(t, number, err)), nil)
	for _, test := range []struct {
		name  string
		fd    *ipc.FD
		flags pipe.Flags
		is    error
		text  string
	}{
		{"folder", folder, 0, unix.EINVAL, "open " + folder.String() + " once more: "},
		{"closed", closed, 0, unix.EBADF, "open closed fd once more: fcntl: "},
		{"socket", socket, 0, unix.ENXIO, "open " + socket.String() + " once more: open: "},
		{"writer that nobody reads", lonely, pipe.O_NONBLOCK, unix.ENXIO, "open " + lonely.String() + " once more: open: "},
	} {
		fd, err := pipe.Reopen(test.fd, test.flags)
		if err == nil {
			fd.Close()
		}
		if !errors.Is(err, test.is) || !strings.HasPrefix(err.Error(), test.text) {
			t.Errorf("%s: %v, want %v and %q", test.name, err, test.is, test.text)
		}
	}
}

func TestReopenExhausted(t *testing.T) {
	r, _ := newPipe(t, 0)
	failures := kit.Exhaust(t, func() error {
		fd, err := pipe.Reopen(r, 0)
		if err != nil {
			return err
		}
		return fd.Close()
	})
	if failures != 1 {
		t.Errorf("%d failures, want 1", failures)
	}
}

func TestCapacity(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	if n, taken := ask(t, pipe.Capacity, r), fill(t, w); n != taken {
		t.Errorf("the capacity is %d, and %d bytes went in", n, taken)
	}
	r, w = newPipe(t, pipe.O_NONBLOCK)
	page := os.Getpagesize()
	for _, test := range []struct{ asked, want int }{
		{4 * page, 4 * page},
		{4*page + 1, 8 * page},
		{1, page},
		{0, page},
	} {
		kept, err := pipe.SetCapacity(w, test.asked)
		if got := ask(t, pipe.Capacity, r); err != nil || kept != test.want || got != test.want {
			t.Errorf("SetCapacity of %d: %d, %v, and Capacity %d; want %d", test.asked, kept, err, got, test.want)
		}
	}
	if taken := fill(t, w); taken != page {
		t.Errorf("%d bytes went in, want a page", taken)
	}
}

func TestCapacityErrors(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK)
	ask(t, func(fd *ipc.FD) (int, error) { return pipe.SetCapacity(fd, 4*os.Getpagesize()) }, w)
	fill(t, w)
	file, err := unix.Open(".", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	folder := ipc.NewFD(must(t, file, err))
	defer folder.Close()
	second := func(_ int, err error) error { return err }
	beyond, below := int64(1)<<32+4*4096, -int64(1)<<32+4*4096 // whose lower halves would do
	if int64(int(beyond)) != beyond {
		beyond, below = -1, -1
	}
	for _, test := range []struct {
		name string
		err  error
		is   error
		text string
	}{
		{"beyond 32 bits", second(pipe.SetCapacity(w, int(beyond))), unix.EINVAL, "set the capacity of " + w.String() + " to "},
		{"below 32 bits", second(pipe.SetCapacity(w, int(below))), unix.EINVAL, "set the capacity of " + w.String() + " to "},
		{"less than waits", second(pipe.SetCapacity(r, 1)), unix.EBUSY, "more than that waits in it"},
		{"negative", second(pipe.SetCapacity(r, -1)), unix.EINVAL, "set the capacity of " + r.String() + " to -1 bytes: fcntl: "},
		{"no pipe", second(pipe.Capacity(folder)), unix.EBADF, "or no pipe"},
		{"to set no pipe", second(pipe.SetCapacity(folder, 1)), unix.EBADF, "or no pipe"},
	} {
		if !errors.Is(test.err, test.is) || !strings.Contains(test.err.Error(), test.text) {
			t.Errorf("%s: %v, want %v and %q", test.name, test.err, test.is, test.text)
		}
	}
}

func TestCapacityBound(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root has CAP_SYS_RESOURCE")
	}
	text, err := os.ReadFile("/proc/sys/fs/pipe-max-size")
	if err != nil {
		t.Skip(err)
	}
	bound, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, bound, err)
	_, w := newPipe(t, 0)
	if _, err := pipe.SetCapacity(w, 2*bound); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "fs.pipe-max-size") {
		t.Errorf("SetCapacity above the bound: %v, want EPERM", err)
	}
}

func TestPackets(t *testing.T) {
	r, w := newPipe(t, pipe.O_NONBLOCK|pipe.O_DIRECT)
	long := strings.Repeat("x", pipe.PIPE_BUF+1)
	for _, text := range []string{"In Xanadu", "did Kubla Khan", long} {
		put(t, w, text)
	}
	if n := ask(t, pipe.Waiting, r); n != 9+14+len(long) {
		t.Errorf("%d bytes wait", n)
	}
	check(t, r, "In Xanadu")
	b := make([]byte, 3)
	if n := ask(t, func(fd *ipc.FD) (int, error) { return pipe.Read(fd, b) }, r); string(b[:n]) != "did" {
		t.Errorf("%q, want the beginning of a packet", b[:n])
	}
	check(t, r, long[:pipe.PIPE_BUF]) // the rest of the packet before is lost
	check(t, r, "x")
}

func TestSplice(t *testing.T) {
	r, w := newPipe(t, 0)
	r2, w2 := newPipe(t, pipe.O_NONBLOCK)
	put(t, w, "measureless to man")
	for _, step := range []struct {
		name string
		call func(from, to *ipc.FD, n int, flags pipe.SpliceFlags) (int, error)
		n    int
		want string
	}{
		{"tee", pipe.Tee, 100, "measureless to man"},
		{"tee a part", pipe.Tee, 4, "meas"},
		{"splice a part", pipe.Splice, 11, "measureless"},
		{"splice the rest", pipe.Splice, 100, " to man"},
	} {
		n, err := step.call(r, w2, step.n, 0)
		if n != len(step.want) || err != nil {
			t.Fatalf("%s: %d, %v, want %d", step.name, n, err, len(step.want))
		}
		check(t, r2, step.want)
	}
	for name, call := range map[string]func(from, to *ipc.FD, n int, flags pipe.SpliceFlags) (int, error){"tee": pipe.Tee, "splice": pipe.Splice} {
		if _, err := call(r, w2, 1, pipe.SPLICE_F_NONBLOCK); err != pipe.ErrWouldBlock {
			t.Errorf("%s of nothing: %v, want ErrWouldBlock", name, err)
		}
	}
	put(t, w, "x")
	r2.Close()
	if _, err := pipe.Splice(r, w2, 1, 0); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Splice without a reader: %v, want EPIPE", err)
	}
	w.Close()
	check(t, r, "x")
	_, w2 = newPipe(t, 0)
	for name, call := range map[string]func(from, to *ipc.FD, n int, flags pipe.SpliceFlags) (int, error){"tee": pipe.Tee, "splice": pipe.Splice} {
		if n, err := call(r, w2, 1, 0); n != 0 || err != nil {
			t.Errorf("%s of the end: %d, %v, want 0", name, n, err)
		}
	}
}

// A count below zero is the caller's mistake, which the kernel would take for a
// very large one.
func TestSpliceNegative(t *testing.T) {
	r, w := newPipe(t, 0)
	for name, call := range map[string]func(from, to *ipc.FD, n int, flags pipe.SpliceFlags) (int, error){"tee": pipe.Tee, "splice": pipe.Splice} {
		func() {
			defer func() {
				if got, want := recover(), "pipe: "+name+" of -1 bytes"; got != want {
					t.Errorf("%s: panic %v, want %q", name, got, want)
				}
			}()
			call(r, w, -1, pipe.SPLICE_F_NONBLOCK)
		}()
	}
}

// A signal that comes while a writer waits does not cut what it writes.
func TestWriteThroughSignals(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1)
	defer signal.Stop(caught)
	r, w := newPipe(t, 0)
	const size = 1 << 20
	thread := make(chan int, 1)
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		n, err := pipe.Write(w, make([]byte, size))
		results <- result{n, err}
	}()
	writer := <-thread
	b := make([]byte, 64<<10)
	for got := 0; got < size-len(b); {
		// Full again, so the writer waits, or is about to.
		for ask(t, pipe.Waiting, r) < len(b) {
			select {
			case early := <-results:
				t.Fatalf("Write returned %v after %d bytes were read, want %d bytes", early, got, size)
			default:
				runtime.Gosched()
			}
		}
		if err := unix.Tgkill(unix.Getpid(), writer, unix.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		<-caught
		got += ask(t, func(fd *ipc.FD) (int, error) { return pipe.Read(fd, b) }, r)
	}
	if got := <-results; got != (result{size, nil}) {
		t.Errorf("Write: %v, want %d bytes", got, size)
	}
}

// A file is read at its offset and written at its own.
func TestSpliceFiles(t *testing.T) {
	dir := t.TempDir()
	open := func(name string, mode int) *ipc.FD {
		n, err := unix.Open(filepath.Join(dir, name), mode|unix.O_CLOEXEC, 0o600)
		fd := ipc.NewFD(must(t, n, err))
		t.Cleanup(func() { fd.Close() })
		return fd
	}
	if err := os.WriteFile(filepath.Join(dir, "from"), []byte("where Alph, the sacred river, ran"), 0o600); err != nil {
		t.Fatal(err)
	}
	from, to := open("from", unix.O_RDONLY), open("to", unix.O_WRONLY|unix.O_CREAT)
	r, w := newPipe(t, 0)
	for {
		n, err := pipe.Splice(from, w, 10, pipe.SPLICE_F_MOVE)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		if m, err := pipe.Splice(r, to, n, pipe.SPLICE_F_MORE); m != n || err != nil {
			t.Fatalf("%d of %d bytes, %v", m, n, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "to"))
	if err != nil || string(text) != "where Alph, the sacred river, ran" {
		t.Errorf("copied %q, %v", text, err)
	}
	_, err = pipe.Splice(from, to, 1, 0)
	if want := "splice " + from.String() + " to " + to.String() + ": splice: invalid argument"; !errors.Is(err, unix.EINVAL) || err.Error() != want {
		t.Errorf("Splice from file to file: %v, want %s", err, want)
	}
	if _, err := pipe.Tee(from, w, 1, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Tee from a file: %v, want EINVAL", err)
	}
}
