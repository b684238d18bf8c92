//go:build linux && (amd64 || arm64)

package sys

// vforks says that vfork is there.
const vforks = true

// vfork is clone(2) with these flags, CLONE_VM and CLONE_VFORK among them: the
// child goes on with the parent's stack and memory while the calling thread of the
// parent waits for its execve(2) or its end.
//
//go:noescape
func vfork(flags uintptr, pidfd *int32) (pid, errno uintptr)
