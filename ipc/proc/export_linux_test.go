package proc

import (
	"testing"
	"time"
)

// ReapEvery changes how often orphans are reaped until the test ends. It is called
// before AdoptOrphans.
func ReapEvery(t *testing.T, d time.Duration) {
	before := reapEvery
	reapEvery = d
	t.Cleanup(func() { reapEvery = before })
}
