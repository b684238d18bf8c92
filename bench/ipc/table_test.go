//go:build unix

package ipcbench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A figure is what one message cost: by the clock, and in CPU time of both
// processes.
type figure struct{ wall, cpu cost }

// A cost is in nanoseconds and by program, Go first: the medians, and the medians
// of how many times as much Go took as the program in the turn beside.
type cost struct{ median, ratio []float64 }

// ratios compares turns that stood side by side.
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
	for i, name := range []string{"C", "C2"} {
		if i+1 < len(f.wall.median) {
			b.ReportMetric(f.wall.median[i+1], name+"-ns/op")
			b.ReportMetric(f.wall.ratio[i+1], "Go/"+name)
			b.ReportMetric(f.cpu.ratio[i+1], "cpu-Go/"+name)
		}
	}
}

// figures are the results of all benchmarks that ran.
var figures results

type results struct {
	parts []*part // in the order in which they were measured
}

// A part is a table: the figures of one benchmark.
type part struct {
	name  string
	kinds []string
	of    map[string]map[int]figure // by kind and size
}

// add keeps a figure. The testing package runs a benchmark several times with
// growing b.N: the last one counts.
func (r *results) add(what, kind string, size int, f figure) {
	p := r.part(what)
	if p.of[kind] == nil {
		p.of[kind] = make(map[int]figure)
		p.kinds = append(p.kinds, kind)
	}
	p.of[kind][size] = f
}

func (r *results) part(name string) *part {
	for _, p := range r.parts {
		if p.name == name {
			return p
		}
	}
	p := &part{name: name, of: make(map[string]map[int]figure)}
	r.parts = append(r.parts, p)
	return p
}

// markdown writes a table for each benchmark, with a row for each kind and size.
func (r *results) markdown() string {
	var b strings.Builder
	for _, p := range r.parts {
		fmt.Fprintf(&b, "| %s | bytes | Go us | C us | Go / C | Go / C, 2 threads | Go CPU us | C CPU us | Go / C | Go / C, 2 threads |\n", p.name)
		b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		for _, kind := range p.kinds {
			for _, size := range slices.Sorted(maps.Keys(p.of[kind])) {
				f := p.of[kind][size]
				fmt.Fprintf(&b, "| %s | %d |%s%s\n", kind, size, f.wall.cells(), f.cpu.cells())
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (c cost) cells() string {
	if len(c.median) < 3 {
		return fmt.Sprintf(" %.2f | - | - | - |", c.median[0]/1000)
	}
	return fmt.Sprintf(" %.2f | %.2f | %.2f | %.2f |", c.median[0]/1000, c.median[1]/1000, c.ratio[1], c.ratio[2])
}
