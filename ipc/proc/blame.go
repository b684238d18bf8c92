package proc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrInterpreter is among the errors of Start when the file is there and what
// should run it is not: the program after #!, or the dynamic loader.
var ErrInterpreter = errors.New("its interpreter is missing")

// notTheTerminal says why standard input could not become the child's terminal.
func notTheTerminal(err error) error {
	switch {
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("%w: standard input is no terminal", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: the terminal is another session's", err)
	}
	return err
}

// existsIn reports whether there is a file of that path, a relative one seen from
// dir.
func existsIn(dir, path string) bool {
	if dir != "" && path != "" && path[0] != '/' {
		path = dir + "/" + path
	}
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil
}
