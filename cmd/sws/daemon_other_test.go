//go:build unix && !linux

package main

import (
	"errors"
	"testing"
)

func adoptOrphans(*testing.T) {}

func daemonAt(path string) (pid int, err error) { return 0, errors.ErrUnsupported }

func waitForDaemon(pid int) error { return errors.ErrUnsupported }

const asSession = "SWS_TEST_SESSION" // never set here

func playSession(string) int { return 1 }
