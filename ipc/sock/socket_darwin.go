package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// SOCK_NONBLOCK makes a socket whose calls do not wait. darwin's socket(2) has
// no such flag, so Socket sets O_NONBLOCK by a second call.
const SOCK_NONBLOCK Type = 1 << 30

func socket(d Domain, t Type, protocol int) (int, error) {
	var made [1]int
	err := closeOnExec(t, made[:], func() (err error) {
		made[0], err = unix.Socket(int(d), int(t&^SOCK_NONBLOCK), protocol)
		return err
	})
	return made[0], err
}

func socketpair(d Domain, t Type, protocol int) ([2]int, error) {
	var made [2]int
	err := closeOnExec(t, made[:], func() (err error) {
		made, err = unix.Socketpair(int(d), int(t&^SOCK_NONBLOCK), protocol)
		return err
	})
	return made, err
}

// closeOnExec makes sockets under the lock that keeps a child started meanwhile
// from inheriting them.
func closeOnExec(t Type, made []int, call func() error) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := call(); err != nil {
		return err
	}
	for _, fd := range made {
		unix.CloseOnExec(fd)
		if t&SOCK_NONBLOCK == 0 {
			continue
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			for _, fd := range made {
				unix.Close(fd)
			}
			return err
		}
	}
	return nil
}
