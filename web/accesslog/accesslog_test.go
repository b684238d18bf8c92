package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"xanadu/internal/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

// A sink is a file for the test: it takes what room allows and then returns
// err, and it can be made to stand still.
type sink struct {
	mu     sync.Mutex
	got    bytes.Buffer
	writes int
	room   int // octets that it still takes; -1 for any number
	err    error
	gate   chan struct{} // when not nil, a write waits until it is closed
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.gate != nil {
		<-s.gate
	}
	if s.room < 0 || len(b) <= s.room {
		if s.room >= 0 {
			s.room -= len(b)
		}
		return s.got.Write(b)
	}
	n, _ := s.got.Write(b[:s.room])
	s.room = 0
	return n, s.err
}

// set changes how much the sink takes.
func (s *sink) set(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = room
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// complaints gathers what a Log tells its Errorf.
type complaints struct {
	mu    sync.Mutex
	lines []string
}

func (c *complaints) errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

func (c *complaints) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.lines, want) {
		t.Errorf("complaints:\n%q\nwant:\n%q", c.lines, want)
	}
}

func closed(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestDeliveriesGatherInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: -1}
		l := New(s, "sink", nil)
		lent := []byte("one\n")
		l.Deliver(lent)
		copy(lent, "???\n") // what was delivered is copied
		synctest.Wait()     // the writer knows of it, and lets more come
		l.Deliver(nil)
		l.Deliver([]byte("two\nthree\n"))
		time.Sleep(2 * linger)
		synctest.Wait()
		if got, want := s.String(), "one\ntwo\nthree\n"; got != want || s.writes != 1 {
			t.Errorf("%d writes of %q, want 1 of %q", s.writes, got, want)
		}
		l.Deliver([]byte("four\n"))
		closed(t, l)
		if got, want := s.String(), "one\ntwo\nthree\nfour\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A file that stands still holds up no one who delivers. What exceeds the
// queue is lost, and the log says at that place how much it was.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: -1, gate: make(chan struct{})}
		var c complaints
		l := New(s, "sink", &Options{QueueBytes: 8, Errorf: c.errorf})
		l.Deliver([]byte("1\n2\n"))
		time.Sleep(2 * linger)
		synctest.Wait() // the writer has taken the two lines and stands still
		l.Deliver([]byte("3\n4\n"))
		l.Deliver([]byte("5\n"))
		l.Deliver([]byte("6\n7\n"))
		close(s.gate)
		synctest.Wait()
		l.Deliver([]byte("8\n"))
		closed(t, l)
		want := "1\n2\n3\n4\n# 2000-01-01T00:00:00Z 3 lines lost: they came faster than they could be written\n8\n"
		if got := s.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		c.want(t, "log sink: 3 lines lost: they came faster than they could be written")
	})
}

// Without a later line to bring it along, the mark is written all the same.
func TestFullQueueThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: -1}
		l := New(s, "sink", &Options{QueueBytes: 4})
		l.Deliver([]byte("1\n"))
		l.Deliver([]byte("2\n3\n"))
		time.Sleep(2 * linger)
		synctest.Wait()
		want := "1\n# 2000-01-01T00:00:00Z 2 lines lost: they came faster than they could be written\n"
		if got := s.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		closed(t, l)
	})
}

// A full disk tears a line at any place. When there is room again the log goes
// on exactly there: no line is lost, doubled or left torn.
func TestFullDisk(t *testing.T) {
	const lines = "one\ntwo\nthree\n"
	for room := range len(lines) {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{room: room, err: syscall.ENOSPC}
			var c complaints
			l := New(s, "sink", &Options{Errorf: c.errorf})
			l.Deliver([]byte(lines))
			time.Sleep(5 * retry)
			l.Deliver([]byte("four\n"))
			s.set(-1)
			time.Sleep(2 * retry)
			l.Deliver([]byte("five\n"))
			closed(t, l)
			if got, want := s.String(), lines+"four\nfive\n"; got != want {
				t.Errorf("full after %d octets: got %q, want %q", room, got, want)
			}
			c.want(t,
				"log sink: write: no space left on device; up to 4096 KiB of lines wait in memory",
				"log sink: it can be written again")
		})
	}
}

func TestDiskStaysFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: 6, err: syscall.ENOSPC}
		l := New(s, "sink", nil)
		l.Deliver([]byte("one\ntwo\nthree\n"))
		time.Sleep(2 * retry)
		l.Deliver([]byte("four\n"))
		err := l.Close()
		if want := "log sink: close: 3 lines lost"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if got, want := s.String(), "one\ntw"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// What waits for room when the Log is closed gets one more chance.
func TestRoomAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: 6, err: syscall.ENOSPC}
		l := New(s, "sink", nil)
		l.Deliver([]byte("one\ntwo\n"))
		time.Sleep(retry / 2)
		s.set(-1)
		closed(t, l)
		if got, want := s.String(), "one\ntwo\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A torn line goes whole into the file that takes the place of a full one.
func TestReopenAfterTornLine(t *testing.T) {
	full := &sink{room: 6, err: syscall.ENOSPC}
	told := make(chan string, 8)
	l := New(full, "sink", &Options{Errorf: func(format string, args ...any) { told <- format }})
	l.Deliver([]byte("one\ntwo\nthree\n"))
	<-told
	path := filepath.Join(t.TempDir(), "log")
	next, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.next = next
	l.nudge()
	l.mu.Unlock()
	<-told
	closed(t, l)
	next.Close()
	if got, want := full.String(), "one\ntw"; got != want {
		t.Errorf("full file: got %q, want %q", got, want)
	}
	wantFile(t, path, "two\nthree\n")
}

// Close gives a file that takes nothing its time, and no more than that.
func TestCloseOfStuckFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{room: -1, gate: make(chan struct{})}
		defer close(s.gate)
		l := New(s, "sink", nil)
		l.Deliver([]byte("one\ntwo\n"))
		start := time.Now()
		err := l.Close()
		if want := "log sink: close: 2 lines lost"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if took := time.Since(start); took != closeGrace {
			t.Errorf("Close took %v, want %v", took, closeGrace)
		}
	})
}

func TestAfterClose(t *testing.T) {
	s := &sink{room: -1}
	l := New(s, "sink", nil)
	closed(t, l)
	l.Deliver([]byte("late\n"))
	if err := l.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close: %v, want os.ErrClosed", err)
	}
	if got := s.String(); got != "" {
		t.Errorf("written after Close: %q", got)
	}
}

func TestReaderGoesAway(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	told := make(chan string, 8)
	l := New(w, "standard output", &Options{Errorf: func(format string, args ...any) {
		told <- fmt.Sprintf(format, args...)
	}})
	l.Deliver([]byte("one\n"))
	want := "log standard output: write: broken pipe; up to 4096 KiB of lines wait in memory"
	if got := <-told; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := l.Close(); err == nil || err.Error() != "log standard output: close: 1 lines lost" {
		t.Errorf("Close: %v", err)
	}
}

func TestOpenAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, line := range []string{"one\n", "two\n"} {
		l, err := Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Deliver([]byte(line))
		closed(t, l)
	}
	wantFile(t, path, "one\ntwo\n")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if others := info.Mode().Perm() & 0o007; others != 0 {
		t.Errorf("mode %v: others may use the log", info.Mode())
	}
}

func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	l, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Deliver([]byte("one\n"))
	if err := l.Reopen(); err != nil { // a file that has not moved
		t.Fatal(err)
	}

	away := dir + ".away"
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	err = l.Reopen()
	if want := "log " + path + ": open: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	l.Deliver([]byte("two\n"))
	closed(t, l)
	noDescriptorOf(t, away)
	wantFile(t, away+"/log.1", "")
	wantFile(t, away+"/log", "one\ntwo\n")
	if err := l.Reopen(); err == nil {
		t.Error("Reopen after Close succeeds")
	}
}

// A real full device, and the way out of it.
func TestReopenOfFullDevice(t *testing.T) {
	const device = "/dev/full"
	if _, err := os.Stat(device); err != nil {
		t.Skip("this system has no /dev/full")
	}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.Symlink(device, path); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 8)
	l, err := Open(path, &Options{Errorf: func(format string, args ...any) {
		told <- fmt.Sprintf(format, args...)
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.Deliver([]byte("one\n"))
	if got, want := <-told, "no space left on device"; !strings.Contains(got, want) {
		t.Errorf("told %q, want %q in it", got, want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Deliver([]byte("two\n"))
	closed(t, l)
	wantFile(t, path, "one\ntwo\n")
	if got, want := <-told, "log "+path+": it can be written again"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); !errors.Is(err, syscall.ENXIO) {
		t.Fatalf("without a reader: %v, want ENXIO", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Deliver([]byte("one\n"))
	closed(t, l)
	if got, err := io.ReadAll(reader); string(got) != "one\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, path, want string
		errno            syscall.Errno
	}{
		{"directory", dir, "log " + dir + ": open: is a directory", syscall.EISDIR},
		{"no such directory", dir + "/a/b", "log " + dir + "/a/b: open: no such file or directory", syscall.ENOENT},
		{"no name", "", "log : open: no such file or directory", syscall.ENOENT},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.path, nil)
			if err == nil || err.Error() != c.want || !errors.Is(err, c.errno) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// Many loops deliver at once, more than the queue's blocks hold, and some of
// it larger than a block.
func TestConcurrentDeliveries(t *testing.T) {
	s := &sink{room: -1}
	l := New(s, "sink", nil)
	const loops, rounds = 8, 100
	long := strings.Repeat("x", 3*blockBytes)
	var wg sync.WaitGroup
	for id := range loops {
		wg.Go(func() {
			for i := range rounds {
				l.Deliver(fmt.Appendf(nil, "%d %d\n%d %d again\n", id, i, id, i))
			}
			l.Deliver([]byte(long + "\n"))
		})
	}
	wg.Wait()
	closed(t, l)

	next := make([]int, loops)
	longs := 0
	for line := range strings.Lines(s.String()) {
		var id, i int
		switch n, _ := fmt.Sscanf(line, "%d %d", &id, &i); {
		case n == 2 && strings.HasSuffix(line, "again\n"):
			next[id]++
		case n == 2 && i == next[id]:
		case line == long+"\n":
			longs++
		default:
			t.Fatalf("unexpected line %.40q", line)
		}
	}
	for id, n := range next {
		if n != rounds {
			t.Errorf("%d pairs of lines of loop %d, want %d", n, id, rounds)
		}
	}
	if longs != loops {
		t.Errorf("%d long lines, want %d", longs, loops)
	}
}

// A burst's memory is used again, and not all of it is kept.
func TestBlocksAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(io.Discard, "discard", nil)
		full := append(bytes.Repeat([]byte("x"), blockBytes-1), '\n')
		for range 3 * freeBlocks {
			l.Deliver(full)
		}
		time.Sleep(2 * linger)
		synctest.Wait()
		if len(l.free) != freeBlocks {
			t.Fatalf("%d blocks are kept, want %d", len(l.free), freeBlocks)
		}
		kept := &l.free[freeBlocks-1][:1][0]
		l.Deliver([]byte("one\n"))
		if &l.queue[0][0] != kept {
			t.Error("a line stands in a new block")
		}
		closed(t, l)
	})
}

func TestDeliverAllocatesNothing(t *testing.T) {
	s := &sink{room: -1, gate: make(chan struct{})}
	l := New(s, "sink", nil)
	line := []byte("155.246.89.8 2019-10-28T12:12:12Z \"GET / HTTP/1.0\" 200 1406\n")
	l.Deliver(line)
	if n := testing.AllocsPerRun(100, func() { l.Deliver(line) }); n != 0 {
		t.Errorf("%v allocations per delivery, want 0", n)
	}
	close(s.gate)
	closed(t, l)
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if string(got) != want {
		t.Errorf("%s: got %q, want %q", filepath.Base(path), got, want)
	}
}

// noDescriptorOf checks that no file below dir is left open, before the garbage
// collector closes what was forgotten.
func noDescriptorOf(t *testing.T, dir string) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // only Linux tells
	}
	for _, fd := range open {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(name, dir) {
			t.Errorf("descriptor %s is still open on %s", fd.Name(), name)
		}
	}
}
