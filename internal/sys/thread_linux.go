package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// CPUs returns on which CPUs the calling thread may run (sched_getaffinity(2)).
func CPUs() ([]int, syscall.Errno) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err.(syscall.Errno)
	}
	var cpus []int
	for cpu := range 8 * unix.SizeofPtr * len(set) {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, 0
}

// RunOn lets the calling thread, and what it starts from then on, run on these
// CPUs only (sched_setaffinity(2)).
func RunOn(cpus ...int) syscall.Errno {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err.(syscall.Errno)
	}
	return 0
}

// OwnDescriptors gives the calling thread a copy of the table of descriptors, which
// it shared until now (unshare(2), CLONE_FILES): what this thread opens or closes
// from then on is so here only, and what others do there only. In turn the kernel
// need not count the users of an open file in each call.
//
// The caller has locked the goroutine to its thread (runtime.LockOSThread) and never
// unlocks it, so that both end together. What is open in both tables stays open
// until it is closed in both, and a number may mean different files in the two: on
// such a thread nothing is opened as an os.File or a net.Conn, which other threads
// close. EPERM where a sandbox forbids it.
func OwnDescriptors() syscall.Errno {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return err.(syscall.Errno)
	}
	return 0
}
