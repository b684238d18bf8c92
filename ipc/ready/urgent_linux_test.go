package ready_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/ipc"
)

// Exceptional conditions besides TCP's urgent data, which conditions has.
func TestUrgent(t *testing.T) {
	t.Run("UNIX stream, out of band", func(t *testing.T) {
		a, b := socketpair(t)
		if err := unix.Sendto(b.Number(), []byte("ab"), unix.MSG_OOB, nil); err == unix.EOPNOTSUPP {
			t.Skip("UNIX sockets have out-of-band data since Linux 5.15")
		} else if err != nil {
			t.Fatal(err)
		}
		each(t, func(t *testing.T, p poller) {
			p.add(t, a, u, 7)
			check(t, p, u, u)
			must(t, p.Modify(a.Number(), r|u, 7))
			check(t, p, r|u, r|u) // the octet before it is plain data
		})
	})
	t.Run("terminal in packet mode", func(t *testing.T) {
		master, slave := terminal(t)
		must(t, unix.IoctlSetPointerInt(master.Number(), unix.TIOCPKT, 1))
		each(t, func(t *testing.T, p poller) {
			p.add(t, master, u, 7)
			check(t, p, u, 0)
			must(t, unix.IoctlSetInt(slave.Number(), unix.TCFLSH, unix.TCIFLUSH))
			check(t, p, u, u)
			// The master reads what has happened to the slave (ioctl_tty(2)).
			b := make([]byte, 4)
			n, err := unix.Read(master.Number(), b)
			must(t, err)
			if n != 1 || b[0] != unix.TIOCPKT_FLUSHREAD {
				t.Errorf("read %v, want TIOCPKT_FLUSHREAD", b[:n])
			}
			check(t, p, u, 0)
		})
	})
}

// terminal opens a pseudo-terminal (pty(7)).
func terminal(t *testing.T) (master, slave *ipc.FD) {
	t.Helper()
	n, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	master = own(t, n, err)
	must(t, unix.IoctlSetPointerInt(master.Number(), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(master.Number(), unix.TIOCGPTN)
	must(t, err)
	n, err = unix.Open(fmt.Sprint("/dev/pts/", number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	return master, own(t, n, err)
}
