package sock

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
)

// One at a time holds the lock, though each removes its file at the end and
// others have it open by then.
func TestLockPathExcludes(t *testing.T) {
	path := kit.SocketDir(t) + "/s"
	var inside atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				unlock, err := lockPath(path)
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
}

// A lock on a file that has lost its name, to nothing or to another, is no lock.
func TestClaim(t *testing.T) {
	for name, between := range map[string]func(path string) error{
		"as it was": func(string) error { return nil },
		"removed":   os.Remove,
		"replaced": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := kit.SocketDir(t) + "/lock"
			fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := between(path); err != nil {
				t.Fatal(err)
			}
			ours, err := claim(fd, path)
			if want := name == "as it was"; ours != want || err != nil {
				t.Errorf("claim: %v, %v; want %v", ours, err, want)
			}
		})
	}
}
