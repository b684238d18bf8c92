// Command runs a line of shell and shows what it wrote on its standard output
// and, apart from that, on its standard error: command(3), the lecture's
// homework.
//
// Slide: Exercises: revisit HW2 with socketpair(2).
// Shows: two streams read at once into two bounded buffers; what does not fit is
// counted and dropped, so that the command never waits for room.
// Try: 'ls; ls /nonexistent >&2', 'exit 3', 'kill -9 $$', nosuch, 'yes | head
// -1000000'; -over socketpair; -t 1s 'sleep 10'.
// Calls: pipe2, or socketpair and shutdown, twice; clone and execve of the shell,
// ppoll, read, waitid and wait4.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"xanadu/ipc"
	"xanadu/ipc/proc"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("command: ")
	wirings := map[string]proc.Wiring{"pipe": proc.OverPipe, "socketpair": proc.OverSocketpair}
	over := flag.String("over", "pipe", "what the outputs cross: `pipe` or socketpair")
	size := flag.Uint("n", 1024, "the size of each of the two buffers in `bytes`")
	limit := flag.Duration("t", 0, "kill it after that `time`; 0 is never")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: command [-over pipe | socketpair] [-n bytes] [-t time] line")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || wirings[*over] == nil || *size > 1<<30 || *limit < 0 {
		flag.Usage()
		os.Exit(2)
	}

	out, errs := make([]byte, *size), make([]byte, *size)
	got, err := proc.Command(flag.Arg(0), out, errs, &proc.Shell{Env: os.Environ(), Wiring: wirings[*over], Timeout: *limit})
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		log.Fatal(err)
	}
	show("standard output", out, got.Out)
	show("standard error", errs, got.Err)
	switch {
	case err != nil:
		fmt.Println("its time was up")
	case got.Held:
		fmt.Println("something it started still writes")
	}
	fmt.Println(got.Status)
}

// show prints what the buffer has of an output of so many bytes.
func show(name string, buf []byte, came int64) {
	kept := buf[:min(came, int64(len(buf)))]
	if int64(len(kept)) == came {
		fmt.Printf("%s, %d bytes:\n", name, came)
	} else {
		fmt.Printf("%s, %d of %d bytes:\n", name, len(kept), came)
	}
	if len(kept) > 0 && kept[len(kept)-1] != '\n' {
		kept = append(kept, '\n')
	}
	fmt.Print(ipc.Printable(kept))
}
