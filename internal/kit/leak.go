//go:build unix

package kit

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/sys"
)

// settle is how long Main waits for goroutines and descriptors that are on
// their way out when the last test has returned, on whatever else the machine
// has to do. Only tests of Main change it.
var settle = 10 * time.Second

// Main runs the tests of a package and exits. When they pass but leave behind
// an open descriptor, a goroutine or a child that nobody has waited for, it
// names them on stderr and exits 1:
//
//	func TestMain(m *testing.M) { kit.Main(m) }
//
// What was there before the first test is not counted, nor is what failing
// tests leave. What is left gets ten seconds to go away. A fuzzing run is not
// checked, for its coordinator's workers are children of the test binary.
func Main(m *testing.M) {
	keepOpen()
	before := look()
	code := m.Run()
	if code == 0 && !fuzzing() {
		if left := leftovers(before); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "kit: the tests leave behind:\n\t%s\n", strings.Join(left, "\n\t"))
			code = 1
		}
	}
	os.Exit(code)
}

// keepOpen opens what is opened once and kept: by the runtime and by this module.
func keepOpen() {
	startPoller()
	sys.KeepDescriptors()
}

// startPoller has the runtime open the descriptors of its own poller, which it
// does at the first use and never undoes.
func startPoller() {
	r, w, err := os.Pipe()
	if err != nil {
		panic("kit: " + err.Error())
	}
	r.Close()
	w.Close()
}

func fuzzing() bool {
	for _, name := range []string{"test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" && f.Value.String() != "false" {
			return true
		}
	}
	return false
}

// A scene is what a process holds at one moment.
type scene struct {
	descriptors map[int]string    // by number: what is open there
	goroutines  map[string]string // by "goroutine N": its stack
}

func look() scene { return scene{Descriptors(), goroutines()} }

// leftovers waits until nothing is left that was not there before, or says what
// still is.
func leftovers(before scene) []string {
	var left []string
	for deadline := time.Now().Add(settle); ; time.Sleep(time.Millisecond) {
		left = newcomers(before, look())
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	// By now no goroutine is about to wait for a child, unless it is itself
	// among what is left.
	return append(left, children()...)
}

func newcomers(before, now scene) []string {
	var left []string
	for _, n := range slices.Sorted(maps.Keys(now.descriptors)) {
		if what := now.descriptors[n]; before.descriptors[n] != what {
			left = append(left, fmt.Sprintf("descriptor %d: %s", n, what))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.goroutines)) {
		if before.goroutines[id] == "" {
			left = append(left, strings.ReplaceAll(now.goroutines[id], "\n", "\n\t"))
		}
	}
	return left
}

// goroutines returns the stacks of all goroutines but the one that os/signal
// starts for the process's life.
func goroutines() map[string]string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for stack := range strings.SplitSeq(strings.TrimSpace(string(buf)), "\n\n") {
		if id, _, ok := strings.Cut(stack, " ["); ok && !strings.Contains(stack, "created by os/signal.") {
			all[id] = stack
		}
	}
	return all
}

// children reaps the children that have ended and says which have not
// (wait(2)). It takes them from whoever waits for them later.
func children() []string {
	var left []string
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil: // ECHILD: there are none
			return left
		case pid > 0:
			left = append(left, fmt.Sprintf("child %d, which ended and was not waited for", pid))
		default:
			return append(left, "a child that runs"+names())
		}
	}
}

// names lists the running children where the system has a file for it (proc(5),
// task/children).
func names() string {
	var b strings.Builder
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		pids, _ := os.ReadFile(file)
		for _, pid := range strings.Fields(string(pids)) {
			comm, _ := os.ReadFile("/proc/" + pid + "/comm")
			fmt.Fprintf(&b, ", %s (%s)", pid, strings.TrimSpace(string(comm)))
		}
	}
	return b.String()
}
