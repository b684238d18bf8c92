package main

import (
	"log"
	"os"
	"strconv"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

// processes has a process read from each source. All of them write to one pipe,
// which a single read waits for.
//
// Calls: pipe2; for each source clone and execve; read. In each process read,
// write.
func processes(sources []*source) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := pipe.New(0)
	if err != nil {
		return err
	}
	var running []*proc.Process
	for _, s := range sources {
		p, err := proc.Start(&proc.Program{
			Path:  self,
			Args:  []string{asChild, strconv.Itoa(s.number)},
			Env:   os.Environ(),
			Stdio: proc.Stdio{In: s.fd, Out: w, Err: ipc.NewFD(2)},
			Group: proc.ParentsGroup,
		})
		if err != nil {
			return err
		}
		s.fd.Close()
		running = append(running, p)
	}
	w.Close() // the last writers are the children
	buf := make([]byte, pipe.PIPE_BUF)
	for {
		n, err := pipe.Read(r, buf)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		os.Stdout.Write(buf[:n])
	}
	for _, p := range running {
		if _, err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// asChild is the name under which this program is the child.
const asChild = "multiplex child"

// child is the process that reads from the source of that number, which is its
// standard input.
func child(number string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		log.Fatal(err)
	}
	if err := inTurn([]*source{{number: n, fd: ipc.NewFD(0)}}); err != nil {
		log.Fatal(err)
	}
}
