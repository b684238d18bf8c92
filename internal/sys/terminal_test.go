//go:build unix

package sys

import (
	"os"
	"testing"
)

func TestIsTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, fd := range map[string]int{
		"pipe":                        int(r.Fd()),
		"character device":            int(null.Fd()),
		"number that stands for none": -1,
	} {
		if IsTerminal(fd) {
			t.Errorf("a %s is taken for a terminal", name)
		}
	}
	// The master of a pseudo-terminal has its attributes too.
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal to look at: %v", err)
	}
	defer master.Close()
	if !IsTerminal(int(master.Fd())) {
		t.Error("a pseudo-terminal is not taken for a terminal")
	}
}
