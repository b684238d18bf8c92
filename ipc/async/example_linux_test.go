package async_test

import (
	"fmt"
	"log"
	"syscall"

	"xanadu/ipc/async"
	"xanadu/ipc/pipe"
)

// A real-time signal tells which descriptor it is about.
func ExampleSignals() {
	signals, err := async.OpenSignals(syscall.Signal(40))
	if err != nil {
		log.Fatal(err)
	}
	defer signals.Close()
	r, w, err := pipe.New(pipe.O_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := signals.Add(r); err != nil {
		log.Fatal(err)
	}
	if _, err := pipe.Write(w, []byte("Where Alph, the sacred river, ran")); err != nil {
		log.Fatal(err)
	}

	told := make([]async.Signal, 8)
	for n := 0; n == 0; { // another signal ends a Wait with nothing
		if n, err = signals.Wait(told, -1); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(told[0].FD == r, told[0].Events)
	// Output: true POLLIN
}
