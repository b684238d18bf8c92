package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// asCommand is the environment variable that turns the test binary into sws.
const asCommand = "SWS_TEST_AS_COMMAND"

// diesEarly is the one that makes a daemon die before it has said a word.
const diesEarly = "SWS_TEST_DIES_EARLY"

// refusedCalls names the system calls that the command is refused, as in a sandbox.
const refusedCalls = "SWS_TEST_REFUSED_CALLS"

func TestMain(m *testing.M) {
	if session := os.Getenv(asSession); session != "" {
		os.Exit(playSession(session))
	}
	if os.Getenv("SCRIPT_NAME") != "" {
		tellWhoAmI()
		return
	}
	if os.Getenv(asCommand) == "" {
		kit.Main(m)
	}
	refuseCalls(os.Getenv(refusedCalls))
	if os.Getenv(diesEarly) != "" && isDaemon() {
		os.Exit(3)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// hangs is how long a command may take before it counts as one that hangs: less
// than go test gives the whole package, after which it would leave all behind.
const hangs = 5 * time.Minute

// sws returns the command, not yet started: this very binary, run as sws.
func sws(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, exe, args...)
	// The race detector would have each process sleep for a second at its end.
	cmd.Env = append(os.Environ(), asCommand+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}
