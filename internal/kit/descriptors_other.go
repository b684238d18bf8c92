//go:build unix && !linux

package kit

import (
	"fmt"
	"syscall"
)

// Descriptors lists what is open, by number, told apart by mode, device and inode
// (fstat(2)). /dev/fd is of no use: on the BSDs it may name numbers that are
// not open and leave out some that are. Numbers from 4,096 on are not looked
// at: a leak begins with the lowest free one.
func Descriptors() map[int]string {
	open := make(map[int]string)
	for n := range 4096 {
		var st syscall.Stat_t
		if syscall.Fstat(n, &st) == nil {
			open[n] = fmt.Sprintf("mode %#o, device %d, inode %d", st.Mode, st.Dev, st.Ino)
		}
	}
	return open
}
