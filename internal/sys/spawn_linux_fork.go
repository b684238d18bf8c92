//go:build linux && !amd64 && !arm64

package sys

// vforks says that vfork is there. These processors have had nobody to try it.
const vforks = false

func vfork(flags uintptr, pidfd *int32) (pid, errno uintptr) { panic("sys: no vfork") }
