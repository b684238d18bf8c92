package ready_test

import (
	"fmt"
	"log"
	"time"

	"golang.org/x/sys/unix"

	"xanadu/ipc/ready"
)

// Two pipes, one of them with something to read.
func Example() {
	p, err := ready.Open("") // the best: epoll on Linux
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()

	var pipes [2][2]int
	for i := range pipes {
		if err := unix.Pipe(pipes[i][:]); err != nil {
			log.Fatal(err)
		}
		defer unix.Close(pipes[i][0])
		defer unix.Close(pipes[i][1])
		if err := p.Add(pipes[i][0], ready.Readable, uint64(i)); err != nil {
			log.Fatal(err)
		}
	}
	unix.Write(pipes[1][1], []byte("In Xanadu, did Kubla Khan . . ."))

	fired := make([]ready.Fired, 8)
	n, err := p.Wait(fired, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range fired[:n] {
		b := make([]byte, 64)
		n, _ := unix.Read(pipes[f.Token][0], b)
		fmt.Printf("pipe %d: %s\n", f.Token, b[:n])
	}
	// Output: pipe 1: In Xanadu, did Kubla Khan . . .
}

// Every poller gives the same answer; only what it costs differs.
func ExampleOpen() {
	for _, name := range []string{"poll", "select"} {
		p, err := ready.Open(name)
		if err != nil {
			log.Fatal(err)
		}
		defer p.Close()
		n, err := p.Wait(make([]ready.Fired, 1), 0)
		fmt.Println(name, n, err)
	}
	_, err := ready.Open("telepathy")
	fmt.Println(err != nil)
	// Output:
	// poll 0 <nil>
	// select 0 <nil>
	// true
}

// A goroutine that waits for ever is ended by another one.
func ExamplePoller() {
	p, err := ready.Open("")
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	words := make(chan string, 1)
	go func() {
		words <- "a stately pleasure dome decree"
		p.Wake() // after the word is there to be found
	}()
	if _, err := p.Wait(make([]ready.Fired, 1), -1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-words)
	// Output: a stately pleasure dome decree
}
