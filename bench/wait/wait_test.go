//go:build unix

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/ipc/ready"
)

func TestMain(m *testing.M) { kit.Main(m) }

// The program measures every poller, and what it writes is a table with a row for
// each count and a picture.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	if err := run([]string{"-o", dir, "-most", "30"}, &out); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "wait.md"))
	if err != nil || string(table) != out.String() {
		t.Errorf("wait.md is not what was printed: %v", err)
	}
	for _, want := range append(ready.Names(), "\n| 10 |", "\n| 20 |", "\n| 30 |") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), " - |") {
		t.Errorf("not everything was measured:\n%s", out.String())
	}
	svg, err := os.ReadFile(filepath.Join(dir, "wait.svg"))
	if err != nil {
		t.Fatal(err)
	}
	checkXML(t, svg)
	if err := run([]string{"-o", filepath.Join(dir, "nowhere"), "-most", "1"}, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestCounts(t *testing.T) {
	for _, c := range []struct {
		most int
		want []int
	}{
		{1, []int{1}},
		{10, []int{10}},
		{11, []int{10, 11}},
		{1000, []int{10, 20, 50, 100, 200, 500, 1000}},
		{2001, []int{10, 20, 50, 100, 200, 500, 1000, 2000, 2001}},
	} {
		if got := counts(c.most); !slices.Equal(got, c.want) {
			t.Errorf("counts(%d) = %v, want %v", c.most, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	r := &results{system: "here", pollers: []string{"select", "epoll"}, counts: []int{10, 19950}, cost: map[string][]time.Duration{
		"select": {1234, 0},
		"epoll":  {12_340, 1_234_567},
	}}
	want := `One wait in microseconds, one descriptor ready (here):

| descriptors | select | epoll |
|---:|---:|---:|
| 10 | 1.23 | 12.3 |
| 19,950 | - | 1235 |
`
	if got := r.markdown(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The picture is well-formed whatever was measured: also one count alone, equal
// costs, and a poller that could not hold the descriptors.
func TestPlot(t *testing.T) {
	for name, r := range map[string]*results{
		"usual":     {pollers: []string{"select", "poll", "epoll"}, counts: []int{10, 100}, cost: map[string][]time.Duration{"select": {1000, 9000}, "poll": {1000, 9000}, "epoll": {500, 500}}},
		"a gap":     {pollers: []string{"select", "epoll"}, counts: []int{10, 100}, cost: map[string][]time.Duration{"select": {1000, 0}, "epoll": {500, 500}}},
		"none":      {pollers: []string{"select", "epoll"}, counts: []int{10, 100}, cost: map[string][]time.Duration{"select": {0, 0}, "epoll": {1000, 1000}}},
		"one count": {pollers: []string{"epoll"}, counts: []int{10}, cost: map[string][]time.Duration{"epoll": {1000}}},
	} {
		svg := r.plot()
		checkXML(t, svg)
		for _, bad := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(string(svg), bad) {
				t.Errorf("%s: the picture has %q in it", name, bad)
			}
		}
	}
}

func TestAxis(t *testing.T) {
	a := axis{10, 1000, 100, 300}
	for value, want := range map[float64]float64{10: 100, 100: 200, 1000: 300} {
		if got := a.at(value); got != want {
			t.Errorf("at(%v) = %v, want %v", value, got, want)
		}
	}
}

func checkXML(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}
