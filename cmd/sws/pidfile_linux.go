package main

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// hasOpen reports whether process pid has the file open that st is of, by what
// /proc tells of it (proc(5)). Where that cannot be read, as without a /proc or with
// one of another PID namespace, it reports true.
func hasOpen(pid int, st *syscall.Stat_t) bool {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return true
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return true
	}
	for _, entry := range entries {
		var open syscall.Stat_t
		if syscall.Stat(filepath.Join(dir, entry.Name()), &open) == nil && open.Dev == st.Dev && open.Ino == st.Ino {
			return true
		}
	}
	return false
}
