//go:build unix

package ipcbench

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

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

// TestLoops has every kind of link carry some messages, by each program.
func TestLoops(t *testing.T) {
	for _, program := range programs(t) {
		for _, kind := range kinds {
			for _, size := range []int{1, kind.most} {
				l := kind.open(t)
				p := plan{calls: kind.calls, size: size, window: windowOf(t, kind.name, l, size), answer: 1}
				c := startCouple(t, program, p, l)
				c.exchange(t, 0)
				c.exchange(t, 200)
			}
		}
	}
}

// BenchmarkRoundTrip is a message there and one of the same size back.
func BenchmarkRoundTrip(b *testing.B) {
	shape := func(name string, l link, size int) (window, answer int) { return 1, size }
	all(b, shape, func(r *row, f figure) { r.roundTrip = f })
}

// BenchmarkThroughput is one message of many that go one way.
func BenchmarkThroughput(b *testing.B) {
	shape := func(name string, l link, size int) (window, answer int) { return windowOf(b, name, l, size), 1 }
	all(b, shape, func(r *row, f figure) { r.oneWay = f })
}

// all measures every kind of link with messages of several sizes, which ask for an
// answer as shape says, and has the figures put into their rows.
func all(b *testing.B, shape func(name string, l link, size int) (window, answer int), put func(*row, figure)) {
	programs := programs(b)
	for _, kind := range kinds {
		for _, size := range []int{1, 1 << 10, kind.most} {
			b.Run(fmt.Sprintf("%s/%dB", kind.name, size), func(b *testing.B) {
				var couples []*couple
				for _, program := range programs {
					l := kind.open(b)
					p := plan{calls: kind.calls, size: size}
					p.window, p.answer = shape(kind.name, l, size)
					couples = append(couples, startCouple(b, program, p, l))
				}
				f := compare(b, couples)
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

// programNames are what is compared: the loop in Go with all that makes it cheap,
// and as it comes; loop.c with one thread, as the lecture would write it, and with a
// second one that sleeps.
var programNames = [...]string{"Go", "plain", "C", "C2"}

// inC is the place of the program that the others are compared with.
const inC = 2

// programs returns as many of them as there can be, in that order.
func programs(tb testing.TB) []program {
	// Under the race detector a program sleeps for a second as it ends.
	env := append(os.Environ(), loopVariable+"=1", "GORACE=atexit_sleep_ms=0")
	list := []program{{os.Args[0], env, "cheap"}, {os.Args[0], env, "plain"}}
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	loop := filepath.Join(tb.TempDir(), "loop")
	if out, err := exec.Command(cc, "-O2", "-pthread", "-o", loop, "loop.c").CombinedOutput(); err != nil {
		tb.Logf("no comparison with C, for it takes a compiler: %s: %v\n%s", cc, err, out)
		return list
	}
	return append(list, program{loop, nil, "1"}, program{loop, nil, "2"})
}

// rounds is how many times each couple gets its turn: an odd number, so that the
// median is one of them.
const rounds = 21

// compare has each couple exchange b.N messages in turns, so that what disturbs
// the machine falls on all of them.
func compare(b *testing.B, couples []*couple) figure {
	turn := max(b.N/rounds, 1)
	wall, cpu := make([][]float64, len(couples)), make([][]float64, len(couples))
	for round := range rounds {
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
	report *bufio.Reader
}

// startCouple starts the client and the server of a plan, each that program. They run on one CPU unless -apart asks for two: the time that
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
	return &couple{
		server: start("server", last, l.server.in, l.server.out),
		client: start("client", first, l.client.in, l.client.out),
	}
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
	report, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	tb.Cleanup(func() {
		orders.Close()
		if tb.Failed() {
			cmd.Process.Kill() // it may wait for one that is gone
		}
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
	})
	return process{orders, bufio.NewReader(report)}
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
	line, err := p.report.ReadString('\n')
	if err != nil {
		tb.Fatalf("a process of the benchmark has ended: %v", err)
	}
	if _, err := fmt.Sscan(line, &wall, &cpu); err != nil {
		tb.Fatalf("a process of the benchmark said %q: %v", line, err)
	}
	return wall, cpu
}
