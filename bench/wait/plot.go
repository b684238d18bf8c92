//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The picture's measures in pixels. The plot proper is what the margins leave.
const (
	width, height = 820, 520
	left, right   = 84, 132 // the right one holds the lines' names
	top, bottom   = 76, 64
)

// A look is how a poller's line is drawn. The colours are told apart by those who
// see colours differently, too (Okabe and Ito). Three of the lines lie upon each
// other, so each is thinner than the one below it.
type look struct {
	colour string
	width  float64
	growth string
}

var looks = map[string]look{
	"select":  {"#56b4e9", 9, "O(n)"},
	"pselect": {"#0072b2", 5, "O(n)"},
	"poll":    {"#d55e00", 1.8, "O(n)"},
	"epoll":   {"#009e73", 2.4, "O(1)"},
}

// plot draws the results as SVG, both axes logarithmic: what grows with the
// number of descriptors rises, and what does not is level.
func (r *results) plot() []byte {
	var b bytes.Buffer
	x, y := r.axes()
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="14" fill="#333">`+"\n", width, height)
	b.WriteString(`<title>The cost of one wait as the descriptors grow</title>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="32" font-size="19" font-weight="600" fill="#111">The cost of one wait as the descriptors grow</text>`+"\n", left)
	fmt.Fprintf(&b, `<text x="%d" y="55" fill="#666">one of them is ready; %s; best of %d turns</text>`+"\n", left, r.system, rounds)
	x.drawAcross(&b, y)
	y.drawUp(&b, x)
	labels := r.drawLines(&b, x, y)
	drawLabels(&b, labels)
	r.drawLegend(&b)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// An axis maps values from low to high, in powers of ten, to pixels.
type axis struct {
	low, high float64
	from, to  float64 // pixels
}

func (a axis) at(value float64) float64 {
	return a.from + (math.Log10(value)-math.Log10(a.low))/(math.Log10(a.high)-math.Log10(a.low))*(a.to-a.from)
}

// axes begin and end so that all values fit: the count exactly, the time in whole
// powers of ten.
func (r *results) axes() (x, y axis) {
	least, most := math.Inf(1), 0.0
	for _, name := range r.pollers {
		for _, cost := range r.cost[name] {
			if cost > 0 {
				least, most = min(least, float64(cost)), max(most, float64(cost))
			}
		}
	}
	x = axis{float64(r.counts[0]), float64(r.counts[len(r.counts)-1]), left, width - right}
	low, high := math.Pow10(int(math.Floor(math.Log10(least)))), math.Pow10(int(math.Ceil(math.Log10(most))))
	if low == high {
		high *= 10
	}
	if x.low == x.high {
		x.high *= 10
	}
	return x, axis{low, high, height - bottom, top}
}

// drawAcross draws the axis of counts with a line up to the top for each power of
// ten.
func (a axis) drawAcross(b *bytes.Buffer, y axis) {
	for decade := a.low; decade <= a.high*1.001; decade *= 10 {
		fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="#e3e3e3"/>`+"\n", a.at(decade), y.from, y.to)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", a.at(decade), y.from+22, thousands(int(math.Round(decade))))
		for _, part := range []float64{2, 5} {
			if v := part * decade; v <= a.high {
				fmt.Fprintf(b, `<path d="M%.1f %.1fv5" stroke="#999"/>`+"\n", a.at(v), y.from)
			}
		}
	}
	fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#999"/>`+"\n", a.from, y.from, a.to)
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#666">descriptors that are watched</text>`+"\n", (a.from+a.to)/2, y.from+46)
}

// drawUp draws the axis of times with a line across for each power of ten.
func (a axis) drawUp(b *bytes.Buffer, x axis) {
	for decade := a.low; decade <= a.high*1.001; decade *= 10 {
		fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#e3e3e3"/>`+"\n", x.from, a.at(decade), x.to)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", x.from-10, a.at(decade)+5, spaced(time.Duration(math.Round(decade))))
	}
	fmt.Fprintf(b, `<text transform="translate(20 %.1f) rotate(-90)" text-anchor="middle" fill="#666">time of one wait</text>`+"\n", (a.from+a.to)/2)
}

// A label stands at the end of a line.
type label struct {
	text, colour string
	x, y         float64
}

// drawLines draws a line for each poller, with a dot for each count.
func (r *results) drawLines(b *bytes.Buffer, x, y axis) []label {
	var labels []label
	for _, name := range r.pollers {
		l := looks[name]
		var path, dots bytes.Buffer
		end := label{text: name, colour: l.colour}
		for i, cost := range r.cost[name] {
			if cost == 0 {
				continue
			}
			end.x, end.y = x.at(float64(r.counts[i])), y.at(float64(cost))
			fmt.Fprintf(&path, " %.1f %.1f", end.x, end.y)
			fmt.Fprintf(&dots, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`, end.x, end.y, l.width/2+1.2, l.colour)
			end.text = name + " " + spaced(cost.Round(roundTo(cost)))
		}
		if path.Len() == 0 {
			continue
		}
		fmt.Fprintf(b, `<path d="M%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-linejoin="round"/>%s`+"\n", path.String(), l.colour, l.width, dots.String())
		labels = append(labels, end)
	}
	return labels
}

// roundTo leaves two or three digits.
func roundTo(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return unit
}

// spaced writes "1.5 ms".
func spaced(d time.Duration) string {
	s := d.String()
	unit := strings.IndexFunc(s, unicode.IsLetter)
	return s[:unit] + " " + s[unit:]
}

// drawLabels moves labels apart that would cover each other.
func drawLabels(b *bytes.Buffer, labels []label) {
	const line = 18
	slices.SortStableFunc(labels, func(a, b label) int { return int(math.Copysign(1, b.y-a.y)) })
	lowest := math.Inf(1)
	for _, l := range labels { // from the bottom up
		lowest = min(l.y, lowest-line)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s" font-weight="600" font-size="13">%s</text>`+"\n", l.x+10, lowest+5, l.colour, l.text)
	}
}

// drawLegend says which line is whose, in the corner that lines which rise leave
// free.
func (r *results) drawLegend(b *bytes.Buffer) {
	const line = 22
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="150" height="%d" rx="4" fill="#ffffff" stroke="#dddddd"/>`+"\n", left+16, top+14, len(r.pollers)*line+14)
	for i, name := range r.pollers {
		l := looks[name]
		y := top + 14 + 18 + i*line
		fmt.Fprintf(b, `<path d="M%d %dh30" stroke="%s" stroke-width="%.1f"/>`, left+28, y, l.colour, l.width)
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text><text x="%d" y="%d" text-anchor="end" fill="#666">%s</text>`+"\n", left+68, y+5, name, left+156, y+5, l.growth)
	}
}
