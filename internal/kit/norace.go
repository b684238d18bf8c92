//go:build unix && !race

package kit

// Race reports whether the race detector is on, which allocates where the code
// under test does not.
const Race = false
