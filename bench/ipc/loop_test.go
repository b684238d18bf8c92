//go:build linux

package ipcbench

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"xanadu/internal/sys"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

// A plan is what the two processes of a benchmark exchange: the client sends
// messages of size bytes, and after each window of them, and the last, awaits an
// answer of so many bytes.
type plan struct {
	calls  string // "file": read and write; "socket": recv and send
	size   int
	window int
	answer int
}

// arguments are those of loop.c, but for the first.
func (p plan) arguments(role string) []string {
	return []string{p.calls, role, fmt.Sprint(p.size), fmt.Sprint(p.window), fmt.Sprint(p.answer)}
}

func parsePlan(arguments []string) (p plan, role string) {
	if len(arguments) != 5 {
		log.Fatalf("loop: arguments %q", arguments)
	}
	for i, n := range []*int{&p.size, &p.window, &p.answer} {
		var err error
		if *n, err = strconv.Atoi(arguments[2+i]); err != nil {
			log.Fatalf("loop: %v", err)
		}
	}
	p.calls = arguments[0]
	return p, arguments[1]
}

// loop is what one of the processes does: that of loop.c, through our packages.
// Plain, it waits in each call, as a Go program does that thinks no further of it.
// Otherwise it takes the three steps that make its calls as cheap as those of C.
func loop(arguments []string) {
	p, role := parsePlan(arguments[1:])
	in, out := ipc.NewFD(3), ipc.NewFD(4)
	x := end{plan: p}
	if p.calls == "file" {
		x.in, x.out = way{in, pipe.Read, in, pipe.Read}, way{out, pipe.Write, out, pipe.Write}
	} else {
		x.in, x.out = way{in, waits(sock.Recv), in, waits(sock.Recv)}, way{out, waits(sock.Send), out, waits(sock.Send)}
	}
	if arguments[0] != "plain" {
		x.makeCheap()
	}
	message := make([]byte, max(p.size, p.answer))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			log.Fatalf("loop: %v", err)
		}
		began, used := time.Now(), cpu()
		x.yielded = began
		switch {
		case count == 0:
			x.warmUp(role, message[:p.size], message[:p.answer])
		case role == "client":
			x.client(count, message[:p.size], message[:p.answer])
		default:
			x.server(count, message[:p.size], message[:p.answer])
		}
		fmt.Println(time.Since(began).Nanoseconds(), (cpu() - used).Nanoseconds())
	}
}

// An end is one end of a connection.
type end struct {
	plan
	in, out way
	yields  bool
	yielded time.Time
}

// makeCheap takes the three steps. One that cannot be taken is told, for the figures
// are not to be compared then.
func (x *end) makeCheap() {
	if err := x.askFirst(); err != nil {
		log.Printf("loop: %v: its calls wait", err)
	}
	runtime.LockOSThread()
	if errno := sys.OwnDescriptors(); errno != 0 {
		log.Printf("loop: unshare: %v: the threads share their descriptors", errno)
	}
	x.yields = true
}

// A way is one direction of a connection: a call that is made first, and one that
// waits for what that has not done.
type way struct {
	first     *ipc.FD
	firstCall call
	waits     *ipc.FD
	waitsCall call
}

// A call receives or sends some bytes.
type call func(fd *ipc.FD, b []byte) (int, error)

func waits(f func(*ipc.FD, []byte, sock.Flags) (int, error)) call {
	return func(fd *ipc.FD, b []byte) (int, error) { return f(fd, b, 0) }
}

// askFirst has calls wait only after one that does not has said that it must. Of
// that one the Go scheduler is not told. It pays where a call mostly has something
// to do: to receive what was just asked for is to wait.
func (x *end) askFirst() error {
	streaming := x.window > 1
	if x.calls == "socket" {
		x.out.firstCall = sock.TrySend
		if streaming {
			x.in.firstCall = sock.TryRecv
		}
		return nil
	}
	// Whether a pipe's end waits is a matter of how it was opened.
	out, err := pipe.Reopen(x.out.waits, pipe.O_NONBLOCK)
	if err != nil {
		return err
	}
	x.out.first, x.out.firstCall = out, pipe.TryWrite
	if streaming {
		in, err := pipe.Reopen(x.in.waits, pipe.O_NONBLOCK)
		if err != nil {
			return err
		}
		x.in.first, x.in.firstCall = in, pipe.TryRead
	}
	return nil
}

func (w *way) begin(b []byte) (int, error) { return w.firstCall(w.first, b) }

// finish does of b what begin, which returned n and err, has left of it.
func (w *way) finish(b []byte, n int, err error) {
	if errors.Is(err, syscall.EAGAIN) {
		n, err = w.waitsCall(w.waits, b)
	}
	for ; ; n, err = w.waitsCall(w.waits, b) {
		if err != nil {
			log.Fatal(err)
		}
		if n == 0 {
			log.Fatal("loop: the other process is gone")
		}
		if b = b[n:]; len(b) == 0 {
			return
		}
	}
}

func (w *way) all(b []byte) {
	if n, err := w.begin(b); n < len(b) {
		w.finish(b, n, err)
	}
}

// In client and server the messages do without all: each frame that a call has to
// return through is some 8 ns, of the 300 that it takes to read a byte.

func (x *end) client(count int, message, answer []byte) {
	for i := 1; i <= count; i++ {
		if n, err := x.out.begin(message); n < len(message) {
			x.out.finish(message, n, err)
		}
		if i%x.window == 0 || i == count {
			x.in.all(answer)
		}
		if x.yields && i%someMessages == 0 {
			x.yield()
		}
	}
}

func (x *end) server(count int, message, answer []byte) {
	for i := 1; i <= count; i++ {
		if n, err := x.in.begin(message); n < len(message) {
			x.in.finish(message, n, err)
		}
		if i%x.window == 0 || i == count {
			x.out.all(answer)
		}
		if x.yields && i%someMessages == 0 {
			x.yield()
		}
	}
}

// yieldAfter is how long a loop goes on before it yields to the Go scheduler. A
// goroutine that goes from one blocking call to the next, and never yields, runs
// for ever in the scheduler's eyes: after 10 ms its monitor thread takes the
// processor away from every call that it finds under way, and looks again every
// 20 us (retake and sysmon in runtime/proc.go of Go 1.26).
const yieldAfter = 4 * time.Millisecond

// someMessages is how often the clock is looked at: its 50 ns would be much for each.
const someMessages = 64

func (x *end) yield() {
	if time.Since(x.yielded) > yieldAfter {
		runtime.Gosched()
		x.yielded = time.Now()
	}
}

// warmTime is loop.c's WARM_UP. The scheduler's monitor thread, which sleeps while
// nothing runs, looks every 20 us when it was just woken, and takes about 15 ms to
// calm down to every 10 ms.
const warmTime = 25 * time.Millisecond

// warmUp exchanges messages for a while. The first byte of a message says whether
// it is the last.
func (x *end) warmUp(role string, message, answer []byte) {
	began := time.Now()
	for i, last := 1, byte(0); last == 0; i++ {
		if role == "client" {
			if time.Since(began) > warmTime {
				last = 1
			}
			message[0] = last
			x.out.all(message)
			x.in.all(answer)
		} else {
			x.in.all(message)
			last = message[0]
			x.out.all(answer)
		}
		if x.yields && i%someMessages == 0 {
			x.yield()
		}
	}
}

// cpu is the CPU time of all the process's threads.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
