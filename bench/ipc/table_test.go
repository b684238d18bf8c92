//go:build linux

package ipcbench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A figure is what one message cost: by the clock, and in CPU time of both
// processes.
type figure struct{ wall, cpu cost }

// A cost is by program, in the order of programNames: the medians in nanoseconds,
// and the medians of how many times as much each took as C in the same round; no
// such ratios without C.
type cost struct{ median, ratio []float64 }

// costOf evaluates the turns of each program.
func costOf(turns [][]float64) (c cost) {
	for i := range turns {
		c.median = append(c.median, median(turns[i]))
		if inC < len(turns) {
			c.ratio = append(c.ratio, median(ratios(turns[i], turns[inC])))
		}
	}
	return c
}

// ratios compares turns of the same rounds.
func ratios(a, b []float64) []float64 {
	r := make([]float64, len(a))
	for i := range a {
		r[i] = a[i] / b[i]
	}
	return r
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// report gives the figure to the testing package.
func (f figure) report(b *testing.B) {
	b.ReportMetric(f.wall.median[0], "ns/op")
	b.ReportMetric(f.cpu.median[0], "cpu-ns/op")
	for i, ratio := range f.wall.ratio {
		if i == inC {
			b.ReportMetric(f.wall.median[inC], "C-ns/op")
		} else {
			b.ReportMetric(ratio, programNames[i]+"/C")
			b.ReportMetric(f.cpu.ratio[i], "cpu-"+programNames[i]+"/C")
		}
	}
}

// figures are the results of all benchmarks that ran.
var figures results

type results struct {
	rows []row // in the order in which they were first measured
}

// A row is what is known of messages of one size by one kind of link.
type row struct {
	kind              string
	size              int
	roundTrip, oneWay figure
}

// of returns the row, to be filled in: the testing package runs a benchmark several
// times with growing b.N, and the last one counts.
func (r *results) of(kind string, size int) *row {
	i := slices.IndexFunc(r.rows, func(row row) bool { return row.kind == kind && row.size == size })
	if i < 0 {
		i = len(r.rows)
		r.rows = append(r.rows, row{kind: kind, size: size})
	}
	return &r.rows[i]
}

// markdown writes the table of bench/README.md: by the clock, in microseconds.
func (r *results) markdown() string {
	var b strings.Builder
	b.WriteString("| between two processes | bytes | round trip, us: Go | C | Go / C | plain Go / C | C2 / C | one way, us: Go | C | Go / C | plain Go / C | C2 / C |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	last := ""
	for _, row := range r.rows {
		name := row.kind
		if name == last {
			name = ""
		}
		last = row.kind
		fmt.Fprintf(&b, "| %s | %d |%s%s\n", name, row.size, row.roundTrip.wall.cells(), row.oneWay.wall.cells())
	}
	return b.String()
}

func (c cost) cells() string {
	switch {
	case c.median == nil:
		return " | | | | |"
	case c.ratio == nil:
		return fmt.Sprintf(" %.2f | | | | |", c.median[0]/1000)
	}
	return fmt.Sprintf(" %.2f | %.2f | %.2f | %.2f | %.2f |", c.median[0]/1000, c.median[inC]/1000, c.ratio[0], c.ratio[2], c.ratio[3])
}
