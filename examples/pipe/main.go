// Pipe sends a line through a pipe within one process, one from a parent to its
// child, and one to nobody.
//
// Slide: Pipes: pipe(2).
// Shows: bytes go one way; a pipe joins processes that inherit its ends; read(2)
// returns 0 when the last writer has closed its end, and write(2) is EPIPE when
// the last reader has.
// Try: strace -f ./pipe.
// Calls: pipe2, write, read, close; clone and execve of the child, waitid and
// wait4.
package main

import (
	"fmt"
	"log"
	"os"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("pipe: ")
	if len(os.Args) == 2 && os.Args[1] == "child" {
		readAll(ipc.NewFD(0))
		return
	}
	withinOneProcess()
	fromParentToChild()
	withoutReader()
}

func withinOneProcess() {
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	write(w, "In Xanadu, did Kubla Khan . . .")
	w.Close()
	readAll(r)
	r.Close()
}

func fromParentToChild() {
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	write(w, "A stately pleasure dome decree . . .")
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	p, err := proc.Start(&proc.Program{
		Path:  self,
		Args:  []string{"pipe", "child"},
		Env:   os.Environ(),
		Stdio: proc.Stdio{In: r, Out: ipc.NewFD(1), Err: ipc.NewFD(2)},
		Group: proc.ParentsGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	r.Close() // the child has the last one now
	w.Close() // and would wait for more from this one
	if _, err := p.Wait(); err != nil {
		log.Fatal(err)
	}
}

func withoutReader() {
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	r.Close()
	_, err = pipe.Write(w, []byte("Where Alph, the sacred river, ran"))
	fmt.Printf("%d --> writing without a reader: %s\n", os.Getpid(), ipc.ErrnoName(err))
}

func write(w *ipc.FD, text string) {
	fmt.Printf("%d --> writing: %s\n", os.Getpid(), text)
	if _, err := pipe.Write(w, []byte(text)); err != nil {
		log.Fatal(err)
	}
}

func readAll(r *ipc.FD) {
	buf := make([]byte, 1024)
	for {
		n, err := pipe.Read(r, buf)
		switch {
		case err != nil:
			log.Fatal(err)
		case n == 0:
			fmt.Printf("%d --> end of file\n", os.Getpid())
			return
		}
		fmt.Printf("%d --> reading: %s\n", os.Getpid(), ipc.Printable(buf[:n]))
	}
}
