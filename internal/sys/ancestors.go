//go:build unix

package sys

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxAncestors is how far above a directory Ancestors can see: a path of so many
// ".." is as long as one can be (PATH_MAX).
const maxAncestors = 4095 / len("../")

// Ancestors calls visit with the identity of the open directory dir, of the
// directory above it, and so on up to the root of the file system, until visit
// returns false. It needs no /proc; it takes permission to search the
// directories on its way.
//
// What is above what can change meanwhile: each step tells of its own moment.
// ENOENT where dir has been removed, ENAMETOOLONG where there are more than
// 1,365.
func Ancestors(dir int, visit func(Identity) (goOn bool)) syscall.Errno {
	if IsRemoved(dir) {
		return unix.ENOENT
	}
	return climb(func(depth int) (Identity, syscall.Errno) {
		if depth == 0 {
			st, errno := Fstat(dir)
			return st.Identity(), errno
		}
		path := strings.Repeat("../", depth)
		st, errno := stat(func(raw *unix.Stat_t) error { return unix.Fstatat(dir, path[:len(path)-1], raw, 0) })
		return st.Identity(), errno
	}, func() (Identity, syscall.Errno) { return IdentityOf("/") }, visit)
}

// climb visits what step returns for 0, 1 and so on, up to the root.
//
// The root is its own parent. But two in a row can be the same as well where a
// directory is mounted within itself (mount --bind /a /a/b), so that it counts
// only if it is what "/" leads to.
func climb(step func(depth int) (Identity, syscall.Errno), root func() (Identity, syscall.Errno), visit func(Identity) bool) syscall.Errno {
	var last Identity
	for depth := range maxAncestors {
		at, errno := step(depth)
		if errno != 0 {
			return errno
		}
		if depth > 0 && at == last {
			top, errno := root()
			if errno != 0 || at == top {
				return errno
			}
		}
		if !visit(at) {
			return 0
		}
		last = at
	}
	return syscall.ENAMETOOLONG
}
