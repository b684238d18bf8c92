package main

import (
	"os"
	"os/exec"
	"testing"

	"xanadu/internal/kit"
)

// asCommand is the environment variable that turns the test binary into sws.
const asCommand = "SWS_TEST_AS_COMMAND"

// diesEarly is the one that makes a daemon die before it has said a word.
const diesEarly = "SWS_TEST_DIES_EARLY"

func TestMain(m *testing.M) {
	if session := os.Getenv(asSession); session != "" {
		os.Exit(playSession(session))
	}
	if os.Getenv(asCommand) == "" {
		kit.Main(m)
	}
	if os.Getenv(diesEarly) != "" && isDaemon() {
		os.Exit(3)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// sws returns the command, not yet started: this very binary, run as sws.
func sws(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	// The race detector would have each process sleep for a second at its end.
	cmd.Env = append(os.Environ(), asCommand+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}
