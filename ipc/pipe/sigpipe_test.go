package pipe_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"xanadu/ipc"
	"xanadu/ipc/pipe"
)

// filterManners is the environment variable that makes the test binary a filter:
// it writes to its standard output until nobody reads, and then behaves as told.
const filterManners = "PIPE_TEST_FILTER"

func filter(manners string) {
	if manners == "notified" {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	if manners == "ignoring" {
		signal.Ignore(syscall.SIGPIPE)
	}
	out := ipc.NewFD(1)
	for {
		if _, err := pipe.Write(out, []byte("y\n")); err != nil {
			fmt.Fprintln(os.Stderr, errors.Is(err, syscall.EPIPE))
			break
		}
	}
	if manners == "library" {
		os.Exit(3)
	}
	pipe.DieOfSIGPIPE()
}

// A program sees the error even on its standard output, and one that wants to
// die like other filters does.
func TestFilter(t *testing.T) {
	for _, test := range []struct{ manners, status string }{
		{"library", "exit status 3"},
		{"quiet", "signal: broken pipe"},
		{"notified", "signal: broken pipe"},
		{"ignoring", "signal: broken pipe"},
	} {
		t.Run(test.manners, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = []string{filterManners + "=" + test.manners}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			complaints, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 2)
			if n, err := out.Read(first); string(first[:n]) != "y\n" {
				t.Errorf("read %q, %v", first[:n], err)
			}
			out.Close()
			if text, err := io.ReadAll(complaints); string(text) != "true\n" || err != nil {
				t.Errorf("stderr: %q, %v, want EPIPE and nothing else", text, err)
			}
			if err := cmd.Wait(); err == nil || err.Error() != test.status {
				t.Errorf("the filter ended with %v, want %s", err, test.status)
			}
		})
	}
}

// In a shell's pipeline that is 141 (128 and SIGPIPE's 13).
func TestFilterInPipeline(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", `{ "$0" 2>/dev/null; echo $? >&2; } | head -n 1`, os.Args[0])
	cmd.Env = append(os.Environ(), filterManners+"=quiet")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(stderr); string(text) != "141\n" || err != nil {
		t.Errorf("the shell found %q, %v, want 141", text, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
