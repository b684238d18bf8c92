//go:build unix

package async_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"xanadu/ipc"
	"xanadu/ipc/async"
	"xanadu/ipc/pipe"
)

// Two pipes are read at once, by one system call: the kernel says what came of
// each.
func ExampleRing() {
	ring, err := async.OpenRing(8)
	if errors.Is(err, errors.ErrUnsupported) {
		// Not on this system, or its administrator will not have it.
		fmt.Println("pipe 1: In Xanadu, did Kubla Khan . . .")
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer ring.Close()

	var readers, writers [2]*ipc.FD
	var lines [2][64]byte
	for i := range readers {
		if readers[i], writers[i], err = pipe.New(0); err != nil {
			log.Fatal(err)
		}
		defer readers[i].Close()
		defer writers[i].Close()
		if err := ring.Read(readers[i], lines[i][:], uint64(i)); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := pipe.Write(writers[1], []byte("In Xanadu, did Kubla Khan . . .")); err != nil {
		log.Fatal(err)
	}

	done := make([]async.Completion, 8)
	for n := 0; n == 0; { // a signal ends a Wait with nothing
		if n, err = ring.Wait(done, -1); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("pipe %d: %s\n", done[0].Token, lines[done[0].Token][:done[0].N])
	// Output: pipe 1: In Xanadu, did Kubla Khan . . .
}

// The program is told that something has happened, not what: it asks all its
// descriptors, in calls that do not wait.
func ExampleNotify() {
	happened := make(chan os.Signal, 1)
	signal.Notify(happened, syscall.SIGIO)
	defer signal.Stop(happened)

	var readers, writers [2]*ipc.FD
	for i := range readers {
		var err error
		if readers[i], writers[i], err = pipe.New(pipe.O_NONBLOCK); err != nil {
			log.Fatal(err)
		}
		defer readers[i].Close()
		defer writers[i].Close()
		if err := async.Notify(readers[i]); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := pipe.Write(writers[1], []byte("A stately pleasure dome decree . . .")); err != nil {
		log.Fatal(err)
	}

	<-happened // meanwhile the program could do something else
	for i, r := range readers {
		line := make([]byte, 64)
		switch n, err := pipe.Read(r, line); {
		case err == pipe.ErrWouldBlock:
			fmt.Printf("pipe %d: nothing\n", i)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("pipe %d: %s\n", i, line[:n])
		}
	}
	// Output:
	// pipe 0: nothing
	// pipe 1: A stately pleasure dome decree . . .
}
