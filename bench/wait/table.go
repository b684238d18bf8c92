//go:build unix

package main

import (
	"fmt"
	"strings"
	"time"
)

// markdown writes a row for each count, in microseconds.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "One wait in microseconds, one descriptor ready (%s):\n\n| descriptors | %s |\n", r.system, strings.Join(r.pollers, " | "))
	fmt.Fprintf(&b, "|---:|%s\n", strings.Repeat("---:|", len(r.pollers)))
	for i, n := range r.counts {
		fmt.Fprintf(&b, "| %s |", thousands(n))
		for _, name := range r.pollers {
			fmt.Fprintf(&b, " %s |", microseconds(r.cost[name][i]))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// microseconds writes three digits or more, or "-" for 0.
func microseconds(d time.Duration) string {
	us := float64(d) / float64(time.Microsecond)
	switch {
	case d == 0:
		return "-"
	case us < 10:
		return fmt.Sprintf("%.2f", us)
	case us < 100:
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", us)
}

// thousands writes 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
