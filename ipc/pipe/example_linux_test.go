package pipe_test

import (
	"fmt"
	"log"

	"xanadu/ipc/pipe"
)

// Two openings of one end: with one the reader looks whether there is anything,
// with the other it waits.
func ExampleReopen() {
	waits, w, err := pipe.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer waits.Close()
	defer w.Close()
	tries, err := pipe.Reopen(waits, pipe.O_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer tries.Close()

	b := make([]byte, 64)
	_, err = pipe.TryRead(tries, b)
	fmt.Println(err)
	go pipe.Write(w, []byte("caverns measureless to man"))
	n, err := pipe.Read(waits, b)
	fmt.Printf("%s %v\n", b[:n], err)
	// Output:
	// the call would have to wait
	// caverns measureless to man <nil>
}
