package main

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSize bounds what parseSize accepts: more than any machine has, and so far
// below the largest int64 that sums of sizes do not overflow.
const maxSize = 1 << 50

// sizeUnits are the suffixes of a size, in either case; a number alone is in
// octets. Each is a multiple of 1,024, as in the options of other commands. "KB"
// and "MB" are left out, since readers disagree on what they stand for.
var sizeUnits = []struct {
	suffix string
	octets int64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, // before "B"
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
	{"B", 1},
}

// parseSize reads a size in octets, as 65536, 64K, 64KiB or 2G: a whole number
// from 1 on and at most one unit.
func parseSize(text string) (int64, error) {
	digits, unit := strings.ToUpper(text), int64(1)
	for _, u := range sizeUnits {
		if before, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, unit = before, u.octets
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("a size as 65536, 64M or 2G is wanted, not %q", text)
	}
	if n > maxSize/uint64(unit) {
		return 0, fmt.Errorf("%q is more than the largest size, %dG", text, int64(maxSize>>30))
	}
	return int64(n) * unit, nil
}
