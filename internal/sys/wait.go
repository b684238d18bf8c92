package sys

import (
	"math"
	"time"
)

// longestWait is the longest finite timeout that the waiting calls are given,
// three years: the BSDs refuse more (itimerfix), and it fits a 32-bit time_t.
const longestWait = 100_000_000 * time.Second

// Brief is the longest wait that the Go scheduler is not told of (on Linux).
// Telling it costs more than a wait that is soon over: the scheduler's monitor
// wakes up every 20 us to see whether the processor that waits can be given away.
// Until the wait is over other goroutines need another processor; a garbage
// collection that stops them all ends it by a signal (EINTR).
const Brief = 2 * time.Millisecond

// milliseconds is a positive timeout as poll(2) and epoll_wait(2) take it:
// rounded up, so that no wait ends early, and at most 24 days.
func milliseconds(timeout time.Duration) int {
	timeout = min(timeout, math.MaxInt32*time.Millisecond)
	return int((timeout + time.Millisecond - 1) / time.Millisecond)
}
