//go:build !linux

package site

import (
	"errors"
	"syscall"

	"xanadu/ipc"
)

// mayFollow says why links that lead out of a directory cannot be
// followed.
func mayFollow() error { return errors.ErrUnsupported }

var errUntrusted = errors.New("a link leads out of the directory of programs")

type linked struct {
	dir  *ipc.FD
	base string
	end  int
}

func (r *root) findLinked(string) (linked, error) { return linked{}, syscall.EXDEV }
