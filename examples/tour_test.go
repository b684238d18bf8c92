//go:build unix

package examples

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testTour follows the transcripts of README.md as somebody does who takes the
// tour: one after the other and in one folder, which each leaves with no program
// running.
func testTour(t *testing.T, bin string) {
	t.Parallel()
	tour, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if name := filepath.Dir(p); !strings.Contains(string(tour), "./"+name+" ") && !strings.Contains(string(tour), "./"+name+"\n") {
			t.Errorf("README.md has no transcript of %s", name)
		}
	}
	dir := folder(t, bin)
	for _, stop := range stops(string(tour)) {
		t.Run(stop.name, func(t *testing.T) {
			if strings.Contains(stop.transcript, "::1") {
				needIPv6(t)
			}
			s := sessionIn(t, dir)
			s.follow(stop.transcript)
			for _, name := range slices.Sorted(maps.Keys(s.terminals)) {
				s.await(name)
			}
		})
	}
}

// stops returns the transcripts of the tour, by the headings that they stand
// under.
func stops(tour string) []story {
	var list []story
	heading, inside := "", false
	count := 0
	for text := range strings.Lines(tour) {
		switch {
		case text == "```console\n":
			inside = true
			count++
			list = append(list, story{name: fmt.Sprintf("%s, %d", heading, count)})
		case text == "```\n":
			inside = false
		case inside:
			list[len(list)-1].transcript += text
		case strings.HasPrefix(text, "## "):
			heading, count = strings.TrimSpace(text[3:]), 0
		}
	}
	return list
}

// needIPv6 skips a test on a host that has no IPv6.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this host has no IPv6: ", err)
	}
	l.Close()
}
