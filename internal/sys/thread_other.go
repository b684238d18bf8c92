//go:build unix && !linux

package sys

import "syscall"

// CPUs fails with ENOSYS: which CPUs a thread runs on is not known.
func CPUs() ([]int, syscall.Errno) { return nil, syscall.ENOSYS }

// RunOn fails with ENOSYS: a thread cannot be held to a CPU.
func RunOn(cpus ...int) syscall.Errno { return syscall.ENOSYS }

// OwnDescriptors fails with ENOSYS: all threads share the descriptors.
func OwnDescriptors() syscall.Errno { return syscall.ENOSYS }
