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
