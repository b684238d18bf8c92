package pipe

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// DieOfSIGPIPE ends the process the way a write to a broken pipe ends a program
// that takes no precautions (signal(7)): by SIGPIPE, without a word, so that a
// shell says nothing and finds 141. It is for commands, after EPIPE from their
// standard output. Deferred functions do not run, and it does not return.
func DieOfSIGPIPE() {
	// The runtime lets a SIGPIPE that comes from outside pass by, and dies of
	// one only for a write of package os to a broken descriptor 1 or 2. So
	// descriptor 1 becomes the end of a pipe that is surely broken: in
	// another one this byte could still reach somebody.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // undoes an Ignore,
	signal.Reset(syscall.SIGPIPE)                           // and that a Notify
	if r, w, err := New(0); err == nil {
		r.Close()
		if unix.Dup2(w.Number(), 1) == nil {
			os.NewFile(1, "stdout").Write([]byte{0})
		}
	}
	os.Exit(128 + int(syscall.SIGPIPE))
}
