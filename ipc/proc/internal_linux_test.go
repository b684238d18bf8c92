package proc

import (
	"os"
	"testing"
	"time"
)

// A child without a pidfd is asked for now and then.
func TestWaitWithoutPidFD(t *testing.T) {
	for _, test := range []struct {
		line  string
		limit time.Duration
		want  string
	}{
		{"sleep 0.01; exit 3", time.Hour, "exit status 3"},
		{"sleep 100", 2 * tick, "SIGTERM"},
	} {
		p, err := Start(&Program{Path: "/bin/sh", Args: []string{"sh", "-c", test.line}, Env: []string{"PATH=" + os.Getenv("PATH")}})
		if err != nil {
			t.Fatal(err)
		}
		if p.pidfd != nil {
			p.pidfd.Close()
			p.pidfd = nil
		}
		if status, _ := p.WaitOrKill(test.limit, time.Hour); status.String() != test.want {
			t.Errorf("%v, want %s", status, test.want)
		}
	}
}
