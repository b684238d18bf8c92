// Pager shows a file in the user's $PAGER, more(1) if there is none, through a
// pipe.
//
// Slide: Pipes: pipe(2).
// Shows: a parent that writes and a child that reads what it takes for its
// standard input; the child that ends before it has read all.
// Try: a long file, and q in the middle; PAGER='head -3'; PAGER='sort -R'.
// Calls: openat, pipe2, clone and execve of the shell, close, read and write,
// waitid and wait4.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("pager: ")
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pager file")
		os.Exit(2)
	}

	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	program := cmp.Or(os.Getenv("PAGER"), "more")
	// ^C is the pager's alone.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT)
	p, err := proc.Start(&proc.Program{
		Path:  "/bin/sh",
		Args:  []string{"sh", "-c", program},
		Env:   os.Environ(),
		Stdio: proc.Stdio{In: r, Out: ipc.NewFD(1), Err: ipc.NewFD(2)},
		Group: proc.ParentsGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	r.Close()
	sent := send(file, w)
	w.Close() // or the pager would wait for more
	status, err := p.Wait()
	switch {
	case err != nil:
		log.Fatal(err)
	case sent != nil && !errors.Is(sent, syscall.EPIPE): // which is the user's q
		log.Fatal(sent)
	case !status.Success() && status.Signal != syscall.SIGINT: // nor is ^C a fault
		log.Fatalf("%s: %v", program, status)
	}
}

// send writes the file to w: the lecture's standard I/O loop.
func send(file *os.File, w *ipc.FD) error {
	buf := make([]byte, pipe.PIPE_BUF)
	for {
		n, err := file.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := pipe.Write(w, buf[:n]); err != nil {
			return err
		}
	}
}
