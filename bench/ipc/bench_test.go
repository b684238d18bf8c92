//go:build linux

package ipcbench

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/internal/sys"
	"xanadu/ipc"
)

// loopVariable tells the test binary in its environment that it is one of the
// two processes.
const loopVariable = "XANADU_BENCH_LOOP"

var (
	tableFile = flag.String("table", "", "write the figures to `FILE` as Markdown, too")
	apart     = flag.Bool("apart", false, "give each of the two processes a CPU of its own")
)

func TestMain(m *testing.M) {
	if os.Getenv(loopVariable) != "" {
		loop(os.Args[1:])
		os.Exit(0)
	}
	kit.Main(m)
}

// TestLoops has every kind of link carry some messages in both shapes, by each
// program.
func TestLoops(t *testing.T) {
	for _, program := range programs(t) {
		for _, kind := range kinds {
			for _, size := range []int{1, kind.most} {
				for _, roundTrip := range []bool{true, false} {
					l := kind.open(t)
					p := plan{calls: kind.calls, size: size, window: 1, answer: size}
					if !roundTrip {
						p.window, p.answer = windowOf(t, kind.name, l, size), 1
					}
					c := startCouple(t, program, p, l)
					c.exchange(t, 0)
					c.exchange(t, 200)
				}
			}
		}
	}
}

// BenchmarkRoundTrip is a message there and one of the same size back.
func BenchmarkRoundTrip(b *testing.B) {
	shape := func(b *testing.B, name string, l link, size int) (window, answer int) { return 1, size }
	all(b, shape, func(r *row, f figure) { r.roundTrip = f })
}

// BenchmarkThroughput is one message of many that go one way.
func BenchmarkThroughput(b *testing.B) {
	shape := func(b *testing.B, name string, l link, size int) (window, answer int) {
		window = windowOf(b, name, l, size)
		if window == 1 {
			b.Skip("there is room for one such message: see net.core.rmem_max, which bounds it")
		}
		return window, 1
	}
	all(b, shape, func(r *row, f figure) { r.oneWay = f })
}

// all measures every kind of link with messages of several sizes, which ask for an
// answer as shape says, and has the figures put into their rows.
func all(b *testing.B, shape func(b *testing.B, name string, l link, size int) (window, answer int), put func(*row, figure)) {
	programs := programs(b)
	for _, kind := range kinds {
		for _, size := range []int{1, 1 << 10, kind.most} {
			b.Run(fmt.Sprintf("%s/%dB", kind.name, size), func(b *testing.B) {
				f := compare(b, len(programs), func(i int) *couple {
					l := kind.open(b)
					p := plan{calls: kind.calls, size: size}
					p.window, p.answer = shape(b, kind.name, l, size)
					return startCouple(b, programs[i], p, l)
				})
				f.report(b)
				put(figures.of(kind.name, size), f)
			})
		}
	}
	if *tableFile != "" {
		if err := os.WriteFile(*tableFile, []byte(figures.markdown()), 0o644); err != nil {
			b.Error(err)
		}
	}
}

// A program is something that exchanges messages by a plan: a command line and an
// environment, and how it is to be done, which is the argument before the plan's.
type program struct {
	path string
	env  []string
	mode string
}

// programNames are what is compared: the loop in Go with all that makes it cheap;
// loop.c with one thread, as the lecture would write it; the loop in Go as it comes;
// and loop.c with a second thread that sleeps.
var programNames = [...]string{"Go", "C", "plain", "C2"}

// inC is the place of the program that the others are compared with.
const inC = 1

// programs returns all of them in that order, or Go's first alone where there is no
// C compiler.
func programs(tb testing.TB) []program {
	// Under the race detector a program sleeps for a second as it ends.
	env := append(os.Environ(), loopVariable+"=1", "GORACE=atexit_sleep_ms=0")
	cheap, plain := program{os.Args[0], env, "cheap"}, program{os.Args[0], env, "plain"}
	cc := strings.Fields(cmp.Or(os.Getenv("CC"), "cc"))
	if _, err := exec.LookPath(cc[0]); err != nil {
		log.Printf("no comparison with C, which takes a compiler: %v", err)
		return []program{cheap}
	}
	loop := filepath.Join(tb.TempDir(), "loop")
	out, err := exec.Command(cc[0], append(cc[1:], "-O2", "-pthread", "-o", loop, "loop.c")...).CombinedOutput()
	if err != nil {
		tb.Fatalf("compile loop.c: %v\n%s", err, out)
	}
	return []program{cheap, {loop, nil, "1"}, plain, {loop, nil, "2"}}
}

// rounds is how many times each program gets its turn: an odd number, so that the
// median is one of them. After every so many turns other processes take over, for it
// is luck where in the machine's memory and caches one comes to lie.
const rounds, turnsEach = 21, 3

// compare has each program exchange b.N messages in turns, so that what disturbs the
// machine falls on all of them.
func compare(b *testing.B, programs int, start func(program int) *couple) figure {
	turn := max(b.N/rounds, 1)
	wall, cpu := make([][]float64, programs), make([][]float64, programs)
	couples := make([]*couple, programs)
	for round := range rounds {
		if round%turnsEach == 0 {
			b.StopTimer()
			for i := range couples {
				couples[i] = start(i)
			}
			b.StartTimer()
		}
		for i := range couples {
			i := (i + round) % len(couples) // who goes first takes turns, too
			if b.N > 1 {                    // the first run of a benchmark only tries it
				b.StopTimer()
				couples[i].exchange(b, 0) // to warm up
				b.StartTimer()
			}
			w, c := couples[i].exchange(b, turn)
			wall[i] = append(wall[i], w)
			cpu[i] = append(cpu[i], c)
		}
	}
	return figure{wall: costOf(wall), cpu: costOf(cpu)}
}

// A couple is two processes that wait for their turn.
type couple struct{ client, server process }

type process struct {
	orders io.WriteCloser
	report *os.File
	lines  *bufio.Reader // of report
}

// patience is how long a turn may take: a datagram that was lost after all would be
// waited for without end.
const patience = time.Minute

// startCouple starts the client and the server of a plan, both that program, and
// gives the link to them. They run on one CPU unless -apart asks for two: the time that
// it takes to wake up another CPU is longer than all the rest, and is not theirs.
// They end with the benchmark.
func startCouple(tb testing.TB, program program, p plan, l link) *couple {
	// What a thread starts stays on the thread's CPUs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpus, errno := sys.CPUs()
	if errno != 0 {
		cpus = nil // then the system places them as it likes
	}
	start := func(role string, cpu int, in, out *ipc.FD) process {
		if cpus != nil {
			sys.RunOn(cpus[cpu])
			defer sys.RunOn(cpus...)
		}
		return startProcess(tb, program, append([]string{program.mode}, p.arguments(role)...), in, out)
	}
	last := len(cpus) - 1
	first := last
	if *apart {
		first = 0
	}
	c := &couple{
		server: start("server", last, l.server.in, l.server.out),
		client: start("client", first, l.client.in, l.client.out),
	}
	// Else neither could learn that the other one is gone.
	for _, fd := range []*ipc.FD{l.server.in, l.server.out, l.client.in, l.client.out} {
		fd.Close()
	}
	return c
}

func startProcess(tb testing.TB, program program, arguments []string, in, out *ipc.FD) process {
	cmd := exec.Command(program.path, arguments...)
	cmd.Env = program.env
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{duplicate(tb, in), duplicate(tb, out)}
	orders, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	report, stdout, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = stdout
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	tb.Cleanup(func() {
		defer report.Close()
		orders.Close()
		if tb.Failed() {
			cmd.Process.Kill() // it may wait for one that is gone
		}
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
	})
	return process{orders, report, bufio.NewReader(report)}
}

func duplicate(tb testing.TB, fd *ipc.FD) *os.File {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	n, err := syscall.Dup(fd.Number())
	if err != nil {
		tb.Fatal(err)
	}
	syscall.CloseOnExec(n)
	return os.NewFile(uintptr(n), fd.String())
}

// exchange has the two exchange so many messages, 0 to warm up, and returns what
// one took, in nanoseconds: by the client's clock, and of CPU time of both.
func (c *couple) exchange(tb testing.TB, count int) (wall, cpu float64) {
	for _, p := range []process{c.server, c.client} {
		if _, err := fmt.Fprintln(p.orders, count); err != nil {
			tb.Fatal(err)
		}
	}
	clientWall, clientCPU := c.client.result(tb)
	_, serverCPU := c.server.result(tb)
	return clientWall / float64(count), (clientCPU + serverCPU) / float64(count)
}

func (p process) result(tb testing.TB) (wall, cpu float64) {
	p.report.SetReadDeadline(time.Now().Add(patience))
	line, err := p.lines.ReadString('\n')
	if err != nil {
		tb.Fatalf("a process of the benchmark has ended or hangs: %v", err)
	}
	if _, err := fmt.Sscan(line, &wall, &cpu); err != nil {
		tb.Fatalf("a process of the benchmark said %q: %v", line, err)
	}
	return wall, cpu
}
