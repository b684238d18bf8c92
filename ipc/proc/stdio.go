package proc

import (
	"errors"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

// Stdio are the ends of a child's standard descriptors: on its side 0, 1 and 2,
// on ours what leads to them, In to write and Out and Err to read. Several may be
// the same FD.
type Stdio struct {
	In, Out, Err *ipc.FD
}

// Close closes the ends that are open, each once. The parent closes the child's
// side after Start.
func (s Stdio) Close() error {
	var err error
	for _, fd := range [...]*ipc.FD{s.In, s.Out, s.Err} {
		if fd != nil && fd.Number() >= 0 {
			err = errors.Join(err, fd.Close())
		}
	}
	return err
}

// A Wiring makes the way from a child to its parent: the end to read from and
// the end to write to, which the caller owns. Both wait.
type Wiring func() (r, w *ipc.FD, err error)

// OverPipe is a Wiring by a pipe (pipe2(2)).
func OverPipe() (r, w *ipc.FD, err error) { return pipe.New(0) }

// OverSocketpair is a Wiring by a pair of UNIX stream sockets (socketpair(2)).
// The way back is shut: a child that reads from its output finds the end.
func OverSocketpair() (r, w *ipc.FD, err error) {
	r, w, err = sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := sock.Shutdown(r, sock.SHUT_WR); err != nil {
		r.Close()
		w.Close()
		return nil, nil, err
	}
	return r, w, nil
}

// Pipes wires a child by three pipes. The caller owns both sides. On error
// nothing stays open.
func Pipes() (ours, childs Stdio, err error) {
	defer closeBoth(&ours, &childs, &err)
	if childs.In, ours.In, err = OverPipe(); err != nil {
		return
	}
	if ours.Out, childs.Out, err = OverPipe(); err != nil {
		return
	}
	ours.Err, childs.Err, err = OverPipe()
	return
}

// Socketpairs wires a child by two pairs of sockets: its standard input and
// output are one, as inetd(8) does it, its standard error is OverSocketpair. Ours
// has one FD for In and Out; sock.Shutdown with SHUT_WR ends the child's input
// alone. The caller owns both sides. On error nothing stays open.
func Socketpairs() (ours, childs Stdio, err error) {
	defer closeBoth(&ours, &childs, &err)
	if ours.In, childs.In, err = sock.Socketpair(sock.AF_UNIX, sock.SOCK_STREAM, 0); err != nil {
		return
	}
	ours.Out, childs.Out = ours.In, childs.In
	ours.Err, childs.Err, err = OverSocketpair()
	return
}

// closeBoth closes what has been made when there is an error.
func closeBoth(ours, childs *Stdio, err *error) {
	if *err != nil {
		ours.Close()
		childs.Close()
		*ours, *childs = Stdio{}, Stdio{}
	}
}
