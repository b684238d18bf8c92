package sys

import (
	"math"
	"testing"
	"time"
)

func TestMilliseconds(t *testing.T) {
	for _, c := range []struct {
		timeout time.Duration
		want    int
	}{
		{0, 0},
		{1, 1},
		{999_999, 1},
		{time.Millisecond, 1},
		{time.Millisecond + 1, 2},
		{time.Hour, 3_600_000},
		{math.MaxInt64, math.MaxInt32},
	} {
		if got := milliseconds(c.timeout); got != c.want {
			t.Errorf("milliseconds(%v) = %d, want %d", c.timeout, got, c.want)
		}
	}
}
