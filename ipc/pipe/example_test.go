package pipe_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"syscall"

	"xanadu/ipc/pipe"
)

// The lecture's first pipe: both ends in one process.
func Example() {
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := pipe.Write(w, []byte("hello, world")); err != nil {
		log.Fatal(err)
	}
	w.Close()

	b := make([]byte, 64)
	for {
		n, err := pipe.Read(r, b)
		if err != nil {
			log.Fatal(err)
		}
		if n == 0 {
			fmt.Println("the end")
			break
		}
		fmt.Printf("%s\n", b[:n])
	}
	// Output:
	// hello, world
	// the end
}

// A write that nobody can read any more is an error.
func ExampleWrite() {
	r, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	r.Close()
	_, err = pipe.Write(w, []byte("is anybody there?"))
	fmt.Println(errors.Is(err, syscall.EPIPE))
	// Output: true
}

// A reader and a writer meet under a name.
func ExampleMkfifo() {
	dir, err := os.MkdirTemp("", "fifo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "alph")
	if err := pipe.Mkfifo(path, 0o600); err != nil {
		log.Fatal(err)
	}

	go func() {
		w, err := pipe.OpenWriter(path, 0) // waits for the reader
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		pipe.Write(w, []byte("the sacred river"))
	}()
	r, err := pipe.OpenReader(path, 0) // waits for the writer
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, 64)
	n, err := pipe.Read(r, b)
	fmt.Printf("%s %v\n", b[:n], err)
	// Output: the sacred river <nil>
}
