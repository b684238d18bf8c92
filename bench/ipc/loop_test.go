//go:build unix

package ipcbench

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

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

// yieldAfter is how many messages a loop exchanges before it yields to the Go
// scheduler. A goroutine that goes from one blocking call to the next, and never
// yields, runs for ever in the scheduler's eyes: after 10 ms its monitor thread
// takes the processor away from every call that it finds under way, and looks
// again every 20 us (retake and sysmon in runtime/proc.go of Go 1.26). That makes
// a round trip through a pipe a quarter longer. To yield costs some 100 ns.
const yieldAfter = 128

// loop is what one of the processes does: that of loop.c, through our packages.
func loop(arguments []string) {
	p, role := parsePlan(arguments)
	x := end{in: ipc.NewFD(3), out: ipc.NewFD(4), buffer: make([]byte, max(p.size, p.answer))}
	switch {
	case p.calls == "file":
		x.receive, x.send = pipe.Read, pipe.Write
	case p.window == 1:
		x.receive, x.send = socketCall(sock.Recv), socketCall(sock.Send)
	default:
		x.receive, x.send = askFirst(sock.Recv), askFirst(sock.Send)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		count, err := strconv.Atoi(lines.Text())
		if err != nil {
			log.Fatalf("loop: %v", err)
		}
		began, used := time.Now(), cpu()
		if count == 0 {
			x.warmUp(p, role)
		} else {
			x.exchange(p, role, count)
		}
		fmt.Println(time.Since(began).Nanoseconds(), (cpu() - used).Nanoseconds())
	}
}

// An end is one end of a connection.
type end struct {
	in, out       *ipc.FD
	receive, send call
	buffer        []byte
}

// A call receives or sends some bytes and waits where it must.
type call func(fd *ipc.FD, b []byte) (int, error)

func socketCall(f func(*ipc.FD, []byte, sock.Flags) (int, error)) call {
	return func(fd *ipc.FD, b []byte) (int, error) { return f(fd, b, 0) }
}

// askFirst waits only when a call that does not has said that it must. To tell the
// Go scheduler of a call that may wait costs some 50 ns, and of one that does not
// wait it is not told. That pays where many messages are under way, and costs a
// call too many where each is waited for.
func askFirst(f func(*ipc.FD, []byte, sock.Flags) (int, error)) call {
	return func(fd *ipc.FD, b []byte) (int, error) {
		n, err := f(fd, b, sock.MSG_DONTWAIT)
		if err == sock.ErrWouldBlock {
			return f(fd, b, 0)
		}
		return n, err
	}
}

func (x *end) exchange(p plan, role string, count int) {
	for i := 1; i <= count; i++ {
		ask := i%p.window == 0 || i == count
		if role == "client" {
			x.put(p.size)
			if ask {
				x.get(p.answer)
			}
		} else {
			x.get(p.size)
			if ask {
				x.put(p.answer)
			}
		}
		if i%yieldAfter == 0 {
			runtime.Gosched()
		}
	}
}

// warmTime is loop.c's WARM_UP. The scheduler's monitor thread, which sleeps while
// nothing runs, looks every 20 us when it was just woken, and takes about 15 ms to
// calm down to every 10 ms.
const warmTime = 25 * time.Millisecond

// warmUp exchanges messages for a while. The first byte of a message says whether
// it is the last.
func (x *end) warmUp(p plan, role string) {
	began := time.Now()
	for i, last := 1, byte(0); last == 0; i++ {
		if role == "client" {
			if time.Since(began) > warmTime {
				last = 1
			}
			x.buffer[0] = last
			x.put(p.size)
			x.get(p.answer)
		} else {
			x.get(p.size)
			last = x.buffer[0]
			x.put(p.answer)
		}
		if i%yieldAfter == 0 {
			runtime.Gosched()
		}
	}
}

func (x *end) put(size int) {
	for done := 0; done < size; {
		n, err := x.send(x.out, x.buffer[done:size])
		if err != nil {
			log.Fatal(err)
		}
		done += n
	}
}

func (x *end) get(size int) {
	for done := 0; done < size; {
		n, err := x.receive(x.in, x.buffer[done:size])
		if err != nil {
			log.Fatal(err)
		}
		if n == 0 {
			log.Fatal("loop: the other process is gone")
		}
		done += n
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
