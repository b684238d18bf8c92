package kit

import (
	"os"
	"strconv"
)

// Descriptors lists what is open, by number, as the links of /proc/self/fd name it
// (proc(5)): a path, or "socket:[inode]".
func Descriptors() map[int]string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		panic("kit: " + err.Error())
	}
	open := make(map[int]string)
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// The descriptor of the reading itself is closed by now.
		if what, err := os.Readlink(dir + "/" + e.Name()); err == nil {
			open[n] = what
		}
	}
	return open
}
