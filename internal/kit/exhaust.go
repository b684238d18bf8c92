//go:build unix

package kit

import (
	"errors"
	"maps"
	"syscall"
	"testing"
)

// Exhaust calls try with room for no further descriptor, then for one, and so
// on until it succeeds, and returns how many it took. The test fails when a
// failure is not EMFILE, or leaves a descriptor open. It lowers RLIMIT_NOFILE
// meanwhile, so nothing else may run in the process.
func Exhaust(t testing.TB, try func() error) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	setLimit := func(l syscall.Rlimit) {
		t.Helper()
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			t.Fatal(err)
		}
	}
	before := Descriptors()
	const enough = 100
	for room := range enough {
		less := limit
		less.Cur = 0
		for free, n := 0, 0; free < room || before[n] != ""; n++ {
			if before[n] == "" {
				free++
			}
			less.Cur++ // its type differs between systems
		}
		setLimit(less)
		err := try()
		setLimit(limit)
		if err == nil {
			return room
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Fatalf("with room for %d descriptors: %v, want EMFILE", room, err)
		}
		if after := Descriptors(); !maps.Equal(after, before) {
			t.Fatalf("with room for %d descriptors: %v are open after the failure, want %v", room, after, before)
		}
	}
	t.Fatalf("no success with room for %d descriptors", enough)
	return 0
}
