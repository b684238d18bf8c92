//go:build unix

package async

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/pipe"
	"xanadu/ipc/sock"
)

// Something happens to a descriptor, and a SIGIO comes. A wait without an end
// here is a signal that did not come.
func TestNotify(t *testing.T) {
	happened := make(chan os.Signal, 1)
	signal.Notify(happened, syscall.SIGIO)
	defer signal.Stop(happened)
	for _, c := range []struct {
		name string
		make func(t *testing.T) (watched *ipc.FD, act func())
	}{
		{"pipe to read", func(t *testing.T) (*ipc.FD, func()) {
			r, w := newPipe(t, 0)
			return r, func() { put(t, w, "x") }
		}},
		{"pipe whose last writer goes", func(t *testing.T) (*ipc.FD, func()) {
			r, w := newPipe(t, 0)
			return r, func() { w.Close() }
		}},
		{"full pipe that is read", func(t *testing.T) (*ipc.FD, func()) {
			r, w := newPipe(t, pipe.O_NONBLOCK)
			for block := make([]byte, 4096); ; {
				if _, err := pipe.Write(w, block); err != nil {
					break
				}
			}
			return w, func() { get(t, r) }
		}},
		{"stream", func(t *testing.T) (*ipc.FD, func()) {
			a, b := newPair(t, sock.SOCK_STREAM)
			return a, func() { put(t, b, "x") }
		}},
		{"datagram", func(t *testing.T) (*ipc.FD, func()) {
			a, b := newPair(t, sock.SOCK_DGRAM)
			return a, func() { put(t, b, "x") }
		}},
		{"TCP", func(t *testing.T) (*ipc.FD, func()) {
			a, b := newTCP(t)
			return a, func() { put(t, b, "x") }
		}},
		{"TCP whose peer goes", func(t *testing.T) (*ipc.FD, func()) {
			a, b := newTCP(t)
			return a, func() { b.Close() }
		}},
		{"listener", func(t *testing.T) (*ipc.FD, func()) {
			l := newListener(t)
			return l.FD(), func() {
				c, err := sock.Connect(l.Addr(), nil)
				must(t, err)
				until(t, c)
			}
		}},
		{"UDP", func(t *testing.T) (*ipc.FD, func()) {
			s, err := sock.BindDatagram(addr.MustParse("udp:127.0.0.1:0"), nil)
			must(t, err)
			t.Cleanup(func() { s.Close() })
			return s.FD(), func() {
				c, err := sock.Connect(s.Addr(), nil)
				must(t, err)
				until(t, c)
				put(t, c, "x")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fd, act := c.make(t)
			must(t, Notify(fd))
			if !isAsync(t, fd) {
				t.Fatal("O_ASYNC is not set")
			}
			for len(happened) > 0 {
				<-happened // of the test before
			}
			act()
			<-happened
			must(t, Stop(fd))
			if isAsync(t, fd) {
				t.Error("O_ASYNC is set after Stop")
			}
		})
	}
}

func TestNotifyRefuses(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	must(t, err)
	defer file.Close()
	n, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	regular := ipc.NewFD(n)
	defer regular.Close()
	checkError(t, "regular file", Notify(regular), errors.ErrUnsupported)
	must(t, Stop(regular))

	r, _ := newPipe(t, 0)
	r.Close()
	checkError(t, "Notify of a closed one", Notify(r), unix.EBADF)
	err = Stop(r)
	checkError(t, "Stop of a closed one", err, unix.EBADF)
	if want := "stop to notify of closed fd: fcntl: "; err == nil || err.Error()[:len(want)] != want {
		t.Errorf("error %q, want %q and the errno", err, want)
	}
}
