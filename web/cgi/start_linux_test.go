package cgi

import (
	"os"
	"os/exec"
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
		{Limits{CPU: time.Hour}, "3600 3601 " + hear1(t, "ulimit -Sd") + " " + hear1(t, "ulimit -Hd") + " 0 0\n"},
	} {
		p := install(t, `echo $(ulimit -St) $(ulimit -Ht) $(ulimit -Sd) $(ulimit -Hd) $(ulimit -Sc) $(ulimit -Hc)`)
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

// TestStartMemory: what is only reserved does not count as memory, what may be
// written does.
func TestStartMemory(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("cc is not installed: no program can be compiled that maps pages")
	}
	p := install(t, "")
	source := p.Filename + ".c"
	must(t, os.WriteFile(source, []byte(`
#include <stdio.h>
#include <sys/mman.h>
static int maps(size_t size, int prot) {
	return mmap(0, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}
int main(void) {
	printf("%d %d %d\n", maps(64ul << 30, PROT_NONE), maps(64ul << 20, PROT_READ | PROT_WRITE), maps(512ul << 20, PROT_READ | PROT_WRITE));
}`), 0o644))
	if output, err := exec.Command(cc, "-o", p.Filename, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for memory, want := range map[int64]string{512 << 20: "1 1 0\n", 1 << 30: "1 1 1\n", 0: "1 1 1\n"} {
		c, _, err := Start(p, nil, nil, Input{}, Limits{Memory: memory})
		must(t, err)
		if got := hear(t, c.Out); got != want {
			t.Errorf("of 64 GiB reserved, 64 MiB and 512 MiB with %d octets of memory: %q, want %q", memory, got, want)
		}
		c.Wait()
		c.Close()
	}
}
