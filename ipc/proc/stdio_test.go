package proc_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/proc"
	"xanadu/ipc/sock"
)

// A child echoes what it reads until the end, over each kind of wire.
func TestWires(t *testing.T) {
	for _, test := range []struct {
		name   string
		wire   func() (ours, childs proc.Stdio, err error)
		finish func(in *ipc.FD) error // ends the child's input
	}{
		{"pipes", proc.Pipes, (*ipc.FD).Close},
		{"socketpairs", proc.Socketpairs, func(in *ipc.FD) error { return sock.Shutdown(in, sock.SHUT_WR) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, childs, err := test.wire()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			defer childs.Close()
			for _, fd := range []*ipc.FD{ours.In, ours.Out, ours.Err, childs.In, childs.Out, childs.Err} {
				flags, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFD, 0)
				if err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("%s: not close-on-exec, %v", fd, err)
				}
				mode, err := unix.FcntlInt(uintptr(fd.Number()), unix.F_GETFL, 0)
				if err != nil || mode&unix.O_NONBLOCK != 0 {
					t.Errorf("%s: does not wait, %v", fd, err)
				}
			}
			c := sh("cat; echo done >&2")
			c.Stdio = childs
			p := start(t, c)
			if err := childs.Close(); err != nil {
				t.Error(err)
			}
			write(t, ours.In, "a damsel with a dulcimer")
			if err := test.finish(ours.In); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, ours.Out); got != "a damsel with a dulcimer" {
				t.Errorf("output: %q", got)
			}
			if got := readAll(t, ours.Err); got != "done\n" {
				t.Errorf("errors: %q", got)
			}
			wait(t, p, "exit status 0")
			if err := ours.Close(); err != nil {
				t.Error(err)
			}
			if err := ours.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// Who reads from an output finds the end there, not a wait for ever.
func TestSocketpairBackwards(t *testing.T) {
	r, w, err := proc.OverSocketpair()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	c := sh("cat <&1; echo end")
	c.Out = w
	p := start(t, c)
	w.Close()
	if got := readAll(t, r); strings.TrimSpace(got) != "end" {
		t.Errorf("output: %q", got)
	}
	wait(t, p, "exit status 0")
}
