package proc

import "math"

// A Limit bounds one thing that a process may take up, and so may each of its
// descendants by itself (getrlimit(2)). Soft is what holds; the process may raise
// it up to Hard. Raising Hard takes privileges.
type Limit struct {
	Resource   Resource
	Soft, Hard uint64
}

// Infinity is no limit.
const Infinity = math.MaxUint64

// A Resource is what a Limit is for.
type Resource uint8

const (
	RLIMIT_AS     Resource = iota // bytes of address space; then ENOMEM
	RLIMIT_CORE                   // bytes of a core file; 0 makes none
	RLIMIT_CPU                    // seconds of processor time; SIGXCPU at Soft, SIGKILL at Hard
	RLIMIT_DATA                   // bytes of data; then ENOMEM
	RLIMIT_FSIZE                  // bytes of a file that is written; SIGXFSZ, then EFBIG
	RLIMIT_NOFILE                 // one more than the largest descriptor number; then EMFILE
	RLIMIT_NPROC                  // processes of the user, all over the system; then EAGAIN. Nothing to root
	RLIMIT_STACK                  // bytes of stack; SIGSEGV
)

// String returns the resource's name in the manual.
func (r Resource) String() string {
	if int(r) < len(resourceNames) {
		return resourceNames[r]
	}
	return "unknown resource"
}

var resourceNames = [...]string{"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA",
	"RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_STACK"}
