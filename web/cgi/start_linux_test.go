package cgi

import (
	"testing"
	"time"
)

// TestStartLimits asks the program's shell.
func TestStartLimits(t *testing.T) {
	for _, test := range []struct {
		limits Limits
		want   string
	}{
		{Limits{CPU: 1500 * time.Millisecond, Memory: 1 << 30}, "2 3 1048576 1048576 0 0\n"},
		{Limits{CPU: time.Hour}, "3600 3601 " + hear1(t, "ulimit -Sv") + " " + hear1(t, "ulimit -Hv") + " 0 0\n"},
	} {
		p := install(t, `echo $(ulimit -St) $(ulimit -Ht) $(ulimit -Sv) $(ulimit -Hv) $(ulimit -Sc) $(ulimit -Hc)`)
		c, _, err := Start(p, nil, nil, Input{}, test.limits)
		must(t, err)
		if got := hear(t, c.Out); got != test.want {
			t.Errorf("%+v: %q, want %q", test.limits, got, test.want)
		}
		c.Wait()
		c.Close()
	}
}

// hear1 returns the word that a script says.
func hear1(t *testing.T, script string) string {
	c, _, err := Start(install(t, "printf %s $("+script+")"), nil, nil, Input{}, Limits{})
	must(t, err)
	defer c.Close()
	defer c.Wait()
	return hear(t, c.Out)
}
