package loop_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pipe puts one end of a pipe on the loop, under p, and returns the other.
func (r *rig) pipe(p *party, writes bool) *os.File {
	r.t.Helper()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		r.t.Fatal(err)
	}
	here, there := ends[1], ends[0]
	if writes {
		here, there = there, here
	}
	unix.CloseOnExec(here)
	unix.CloseOnExec(there)
	if err := unix.SetNonblock(there, true); err != nil {
		r.t.Fatal(err)
	}
	r.do(func() { r.AttachPipe(&p.Stream, there, p) })
	f := os.NewFile(uintptr(here), "here")
	r.t.Cleanup(func() { f.Close() })
	return f
}

func TestPipeReceived(t *testing.T) {
	each(t, func(r *rig) {
		want := pattern(1 << 20)
		var got bytes.Buffer
		p := newParty()
		p.received = func(b []byte) { got.Write(b) }
		here := r.pipe(p, false)
		r.do(p.Receive)
		go func() {
			here.Write(want)
			here.Close()
		}()
		if err := await(r.t, p.ended, "the end"); err != nil {
			r.t.Error(err)
		}
		r.do(func() {
			if !bytes.Equal(got.Bytes(), want) {
				r.t.Errorf("received %d bytes that differ from the %d written", got.Len(), len(want))
			}
		})
	})
}

func TestPipeSend(t *testing.T) {
	each(t, func(r *rig) {
		head, body := pattern(5000), pattern(3<<20)
		p := newParty()
		here := r.pipe(p, true)
		r.do(func() {
			if done, err := p.Send(append(r.Buffer(), head...), body, false); done || err != nil {
				r.t.Errorf("Send: %v, %v; want it to take a while", done, err)
			}
		})
		got := make([]byte, len(head)+len(body))
		if _, err := io.ReadFull(here, got); err != nil {
			r.t.Fatal(err)
		}
		if !bytes.Equal(got, append(head, body...)) {
			r.t.Error("the bytes differ")
		}
		if err := await(r.t, p.sent, "Sent"); err != nil {
			r.t.Error(err)
		}
		r.do(func() {
			p.CloseWrite()
			p.Close()
		})
		if n, err := here.Read(got); n != 0 || err != io.EOF {
			r.t.Errorf("read %d, %v after Close; want the end of file", n, err)
		}
	})
}

// Nobody reads the pipe any more: EPIPE, and the process lives on.
func TestPipeWithoutReader(t *testing.T) {
	each(t, func(r *rig) {
		p := newParty()
		here := r.pipe(p, true)
		here.Close()
		r.do(func() {
			if done, err := p.Send(nil, []byte("x"), false); done || err == nil {
				r.t.Errorf("Send: %v, %v; want EPIPE", done, err)
			}
		})
	})
}
