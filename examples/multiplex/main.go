// Multiplex reads what several commands write, the first one's output over a
// pipe, the second one's over a socketpair and so on in turn, in one of many ways
// to wait for many descriptors, and prints who said what.
//
// Slides: I/O Multiplexing.
// Shows: the lecture's four ways side by side (blocking in turn, a process for
// each, non-blocking polling, asynchronous notification by signal and by
// io_uring), and then select, pselect, poll and epoll.
// Try: -list, and each way with 'sleep 2; echo slow' 'echo quick'; strace -c -f
// of them, above all of polling.
// Calls: see the file of each way.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

// A way reads from all sources until each has come to its end.
type way struct {
	name, what string
	read       func([]*source) error
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("multiplex: ")
	if os.Args[0] == asChild {
		child(os.Args[1])
		return
	}
	how := flag.String("how", "select", "the `name` of a way")
	list := flag.Bool("list", false, "list the ways")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: multiplex [-how name] command ...\n       multiplex -list")
		flag.PrintDefaults()
	}
	flag.Parse()
	switch {
	case *list:
		for _, w := range ways() {
			fmt.Printf("%-10s %s\n", w.name, w.what)
		}
		return
	case flag.NArg() == 0:
		flag.Usage()
		os.Exit(2)
	}

	read := find(*how)
	var sources []*source
	var running []*proc.Process
	for i, line := range flag.Args() {
		wire := proc.OverPipe
		if i%2 == 1 {
			wire = proc.OverSocketpair
		}
		s, p, err := start(line, wire)
		if err != nil {
			log.Fatal(err)
		}
		s.number = i + 1
		sources, running = append(sources, s), append(running, p)
	}
	if err := read(sources); err != nil {
		log.Fatal(err)
	}
	for _, p := range running {
		if _, err := p.Wait(); err != nil {
			log.Fatal(err)
		}
	}
}

// find returns the way of that name.
func find(name string) func([]*source) error {
	var names []string
	for _, w := range ways() {
		if w.name == name {
			return w.read
		}
		names = append(names, w.name)
	}
	log.Printf("%q is none of the ways of this system: %s", name, strings.Join(names, ", "))
	os.Exit(2)
	return nil
}

// room is how many bytes are heard at once: so few that what is printed of them,
// were each an escape, goes into a pipe in one piece.
const room = pipe.PIPE_BUF / 8

// A source is the end on which a command's output is read.
type source struct {
	number int
	fd     *ipc.FD
}

func start(line string, wire proc.Wiring) (*source, *proc.Process, error) {
	ours, theirs, err := wire()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	p, err := proc.Start(&proc.Program{
		Path:  "/bin/sh",
		Args:  []string{"sh", "-c", line},
		Env:   os.Environ(),
		Stdio: proc.Stdio{Out: theirs, Err: ipc.NewFD(2)},
		Group: proc.ParentsGroup,
	})
	return &source{fd: ours}, p, err
}

// hear reads once and prints who said what. It returns false when that was the
// end.
func (s *source) hear() (more bool, err error) {
	buf := make([]byte, room)
	n, err := pipe.Read(s.fd, buf)
	if err != nil {
		return true, err
	}
	s.tell(buf[:n])
	return n > 0, nil
}

// tell prints who said what; no bytes are the end.
func (s *source) tell(what []byte) {
	if len(what) == 0 {
		fmt.Println(s.number, "ends")
	}
	for line := range strings.Lines(ipc.Printable(what)) {
		fmt.Println(s.number, "-->", strings.TrimSuffix(line, "\n"))
	}
}
