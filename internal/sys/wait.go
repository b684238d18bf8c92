package sys

import (
	"math"
	"time"
)

// longestWait is the longest finite timeout that the waiting calls are given,
// three years: the BSDs refuse more (itimerfix), and it fits a 32-bit time_t.
const longestWait = 100_000_000 * time.Second

// milliseconds is a positive timeout as poll(2) and epoll_wait(2) take it:
// rounded up, so that no wait ends early, and at most 24 days.
func milliseconds(timeout time.Duration) int {
	timeout = min(timeout, math.MaxInt32*time.Millisecond)
	return int((timeout + time.Millisecond - 1) / time.Millisecond)
}
