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
	"slices"
	"strings"
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
	if arguments := os.Getenv(loopVariable); arguments != "" {
		loop(strings.Fields(arguments))
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
	all(b, "round trip", func(name string, l link, size int) (window, answer int) { return 1, size })
}

// BenchmarkThroughput is one message of many that go one way.
func BenchmarkThroughput(b *testing.B) {
	all(b, "throughput", func(name string, l link, size int) (window, answer int) {
		return windowOf(b, name, l, size), 1
	})
}

// all measures every kind of link with messages of several sizes, which ask for an
// answer as shape says.
func all(b *testing.B, what string, shape func(name string, l link, size int) (window, answer int)) {
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
				figures.add(what, kind.name, size, f)
			})
		}
	}
	if *tableFile != "" {
		if err := os.WriteFile(*tableFile, []byte(figures.markdown()), 0o644); err != nil {
			b.Error(err)
		}
	}
}

// programs are what is compared: Go first, as nil, then loop.c with one thread, as
// the lecture would write it, and with a second, idle one. Each is a command line,
// to which a plan's arguments are added.
func programs(tb testing.TB) [][]string {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	program := filepath.Join(tb.TempDir(), "loop")
	if out, err := exec.Command(cc, "-O2", "-pthread", "-o", program, "loop.c").CombinedOutput(); err != nil {
		tb.Logf("no comparison with C, for it takes a compiler: %s: %v\n%s", cc, err, out)
		return [][]string{nil}
	}
	return [][]string{nil, {program, "1"}, {program, "2"}}
}

// rounds is how many times each couple gets its turn: an odd number, so that the
// median is one of them.
const rounds = 11

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

func costOf(turns [][]float64) (c cost) {
	for i := range turns {
		c.median = append(c.median, median(turns[i]))
		c.ratio = append(c.ratio, median(ratios(turns[0], turns[i])))
	}
	return c
}

// A couple is two processes that wait for their turn.
type couple struct{ client, server process }

type process struct {
	orders io.WriteCloser
	report *bufio.Reader
}

// startCouple starts the client and the server of a plan, of the program or, where
// that is nil, in Go. They run on one CPU unless -apart asks for two: the time that
// it takes to wake up another CPU is longer than all the rest, and is not theirs.
// They end with the benchmark.
func startCouple(tb testing.TB, program []string, p plan, l link) *couple {
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
		return startProcess(tb, program, p.arguments(role), in, out)
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

func startProcess(tb testing.TB, program, arguments []string, in, out *ipc.FD) process {
	cmd := exec.Command(os.Args[0])
	if program == nil {
		// Under the race detector a program sleeps for a second as it ends.
		cmd.Env = append(os.Environ(), loopVariable+"="+strings.Join(arguments, " "), "GORACE=atexit_sleep_ms=0")
	} else {
		cmd = exec.Command(program[0], slices.Concat(program[1:], arguments)...)
	}
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
