package proc_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

// command(3): both outputs, as much as fits, and how it ended.
func ExampleCommand() {
	out, errs := make([]byte, 10), make([]byte, 100)
	o, err := proc.Command("echo In Xanadu, did Kubla Khan; echo no dome >&2; exit 3", out, errs, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q, %d bytes in all\n", out[:min(o.Out, 10)], o.Out)
	fmt.Printf("%q\n", errs[:min(o.Err, 100)])
	fmt.Println(o.Status)
	// Output:
	// "In Xanadu,", 26 bytes in all
	// "no dome\n"
	// exit status 3
}

// The same over a pair of sockets, and not for ever.
func ExampleCommand_socketpair() {
	how := &proc.Shell{
		Env:     []string{"PATH=" + os.Getenv("PATH")},
		Wiring:  proc.OverSocketpair,
		Timeout: 20 * time.Millisecond,
	}
	o, err := proc.Command("sleep 100", nil, nil, how)
	fmt.Println(o.Status, errors.Is(err, os.ErrDeadlineExceeded))
	// Output: SIGKILL true
}

// A filter over pipes: what is written to it comes back changed.
func ExampleStart() {
	ours, childs, err := proc.Pipes()
	if err != nil {
		log.Fatal(err)
	}
	defer ours.Close()
	p, err := proc.Start(&proc.Program{
		Path:  "/bin/sh",
		Args:  []string{"sh", "-c", "tr a-z A-Z"},
		Env:   []string{"PATH=" + os.Getenv("PATH")},
		Stdio: childs,
	})
	childs.Close() // or the end never comes
	if err != nil {
		log.Fatal(err)
	}
	pipe.Write(ours.In, []byte("a stately pleasure dome"))
	ours.In.Close()
	b := make([]byte, 100)
	n, _ := pipe.Read(ours.Out, b)
	status, err := p.Wait()
	fmt.Printf("%s\n%v %v\n", b[:n], status, err)
	// Output:
	// A STATELY PLEASURE DOME
	// exit status 0 <nil>
}

// Kill asks first, and would insist after a minute.
func ExampleProcess_Kill() {
	p, err := proc.Start(&proc.Program{
		Path: "/bin/sh",
		Args: []string{"sh", "-c", "sleep 100"},
		Env:  []string{"PATH=" + os.Getenv("PATH")},
	})
	if err != nil {
		log.Fatal(err)
	}
	status, err := p.Kill(time.Minute)
	fmt.Println(status, err)
	// Output: SIGTERM <nil>
}
