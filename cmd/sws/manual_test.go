package main

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"xanadu/ipc/ready"
	"xanadu/web"
	"xanadu/web/accesslog"
	"xanadu/web/cgi"
)

const manualFile = "../../doc/sws.1"

// manual returns the page, as mdoc(7) has it.
func manual(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(manualFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// section returns the part of the page under a heading.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, after, ok := strings.Cut(page, "\n.Sh "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", manualFile, heading)
	}
	text, _, _ := strings.Cut(after, "\n.Sh ")
	return text + "\n"
}

// literals returns the examples of a section: what stands between .Bd and .Ed.
func literals(text string) []string {
	var all []string
	for {
		_, after, ok := strings.Cut(text, "\n.Bd -literal -offset indent\n")
		if !ok {
			return all
		}
		var block string
		block, text, _ = strings.Cut(after, ".Ed\n")
		block = strings.NewReplacer(`\&`, "", `\e`, `\`).Replace(block)
		all = append(all, block)
	}
}

// The page has each flag, by all of its names and with its operand, and no
// other; in the groups and the order of the usage, so that who knows one finds it
// in the other.
func TestManualHasEveryFlag(t *testing.T) {
	page := manual(t)
	var want []string
	known := make(map[string]bool)
	for _, g := range new(settings).groups() {
		want = append(want, ".Ss "+g.title)
		g.flags.VisitAll(func(f *pflag.Flag) {
			item := ".It Fl -" + f.Name
			if f.Shorthand != "" {
				item = ".It Fl " + f.Shorthand + " , -" + f.Name
				known[f.Shorthand] = true
			}
			known["-"+f.Name] = true
			if operand, _ := describe(f); operand != "" {
				item += " Ar " + operand
			}
			want = append(want, item)
		})
	}
	got := regexp.MustCompile(`(?m)^(?:\.It Fl|\.Ss) .*$`).FindAllString(page, -1)
	if !slices.Equal(got, want) {
		t.Errorf("flags of the page and of sws:\n%s\n\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, m := range regexp.MustCompile(`\bFl (-?[a-z][a-z-]*)`).FindAllStringSubmatch(page, -1) {
		if !known[m[1]] && m[1] != "dfh" && m[1] != "dd" {
			t.Errorf("the page speaks of -%s, which is no flag", m[1])
		}
	}

	// The synopses are one.
	_, line, _ := strings.Cut(synopsis, "usage: ")
	line, _, _ = strings.Cut(line, "\n")
	shown := "sws"
	for _, l := range strings.Split(strings.TrimSpace(section(t, page, "SYNOPSIS")), "\n")[1:] {
		if m := regexp.MustCompile(`^\.Op Fl (\w+)(?: Ar (\w+))?$`).FindStringSubmatch(l); m != nil {
			shown += " [" + strings.TrimSpace("-"+m[1]+" "+m[2]) + "]"
		} else if operands, ok := strings.CutPrefix(l, ".Op Ar "); ok {
			shown += " [" + operands + "]"
		} else {
			shown += " " + strings.TrimPrefix(l, ".Ar ")
		}
	}
	if shown != line {
		t.Errorf("the page's synopsis is %q, the usage's %q", shown, line)
	}
}

// The page names what an operand may be.
func TestManualHasEveryChoice(t *testing.T) {
	words := strings.Fields(strings.ReplaceAll(manual(t), " , ", " "))
	for _, names := range [][]string{accesslog.FormatNames(), ready.Names(), shellNames()} {
		for _, name := range names {
			if !slices.Contains(words, name) {
				t.Errorf("the page does not name %s", name)
			}
		}
	}
}

// The lines of the log that the page shows are those that are written.
func TestManualShowsTheLog(t *testing.T) {
	at := time.Date(2019, 10, 28, 12, 12, 12, 0, time.UTC)
	first := &web.Record{Peer: netip.MustParseAddrPort("155.246.89.8:40000"), Time: at,
		Line: []byte("GET / HTTP/1.0"), Status: 200, Bytes: 1406,
		Request: &web.Request{Method: []byte("GET"), Target: []byte("/"),
			Fields: []web.Field{{Name: []byte("User-Agent"), Value: []byte("curl/8.5.0")}}}}
	second := &web.Record{Peer: netip.MustParseAddrPort("[2001::fe72:3900]:1"), Time: at,
		Line: []byte("GET /file HTTP/1.0"), Status: 404, Bytes: 312}
	lines := func(format string, records ...*web.Record) string {
		f, err := accesslog.ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for _, rec := range records {
			b = f.Line(b, rec)
		}
		return string(b)
	}
	want := []string{
		lines("sws", first, second),
		lines("common", first) + lines("combined", first),
		lines("json", first),
	}
	got := literals(section(t, manual(t), "LOG"))
	if len(got) == 3 {
		got[2] = strings.ReplaceAll(got[2], "\\\n", "")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// The page has each variable that a program may get, and no other.
func TestManualHasTheEnvironment(t *testing.T) {
	r := &web.Request{Method: []byte("POST"), Path: []byte("/cgi-bin/p/info"), Host: []byte("h"), Length: 1,
		Fields: []web.Field{{Name: []byte("Content-Type"), Value: []byte("text/plain"), Known: web.ContentType}},
		Seen:   web.ContentType}
	env, err := new(cgi.Gateway).Environment(r, &web.Program{Info: "/info", Translated: "/srv/info"},
		netip.MustParseAddrPort("127.0.0.1:80"), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"HTTP_*", "PATH"}
	for _, variable := range env {
		if name, _, _ := strings.Cut(variable, "="); !strings.HasPrefix(name, "HTTP_") {
			want = append(want, name)
		}
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Ev (.*)$`).FindAllStringSubmatch(section(t, manual(t), "CGI PROGRAMS"), -1) {
		got = append(got, strings.Split(m[1], " , ")...)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("variables of the page and of programs:\n%q\n%q", got, want)
	}
}

// The page has each variable that the command asks for. Those that the runtime of
// Go and its resolver read are not looked for.
func TestManualHasWhatIsRead(t *testing.T) {
	text := section(t, manual(t), "ENVIRONMENT")
	var documented, first []string
	for _, m := range regexp.MustCompile(`(?m)^\.It Ev (.*)$`).FindAllStringSubmatch(text, -1) {
		names := strings.Split(m[1], " , ")
		documented = append(documented, names...)
		first = append(first, names[0])
	}
	if !slices.IsSorted(first) {
		t.Errorf("the variables are not in the order of their names: %q", first)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\((.*?)\)`)
	var asked int
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range read.FindAllSubmatch(source, -1) {
			name := string(m[1])
			switch name {
			case "daemonMark":
				name = strconv.Quote(daemonMark)
			case "name": // of PATH and --cgi-env, in programOptions
				name = `"PATH"`
			}
			asked++
			if name, err := strconv.Unquote(name); err != nil || !slices.Contains(documented, name) {
				t.Errorf("%s asks for %s, which the page does not have", file, m[1])
			}
		}
	}
	if asked < 5 {
		t.Errorf("%d questions found, want 5 at least", asked)
	}
}

// The commands that README.md shows are understood.
func TestReadmeCommands(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    (?:go run \./cmd/)?sws (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(commands) == 0 {
		t.Fatal("it shows none")
	}
	if got, want := commands[0][1], "-f -l - ."; got != want {
		t.Errorf("the first example is sws %s, want %s", got, want)
	}
	for _, c := range commands {
		args, _, _ := strings.Cut(c[1], " #")
		if _, err := parse(strings.Fields(args)); err != nil {
			t.Errorf("sws %s: %v", args, err)
		}
	}
}

func TestManualIsWellFormed(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed: the page is not looked over")
	}
	output, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", manualFile).CombinedOutput()
	if err != nil || len(output) > 0 {
		t.Errorf("%v\n%s", err, output)
	}
	// What is shown in full has no line of text wider than a terminal.
	output, err = exec.Command(mandoc, "-T", "ascii", "-O", "width=78", manualFile).Output()
	if err != nil || !bytes.Contains(output, []byte("sws")) {
		t.Errorf("%v\n%.200s", err, output)
	}
}

// A step is a command of an example, and what it leads to on the terminal.
type step struct {
	Command string
	Output  []string // lines; the last may be "...", for any more
}

// sessions returns the examples that are played in a shell.
func sessions(t *testing.T, page string) [][]step {
	t.Helper()
	var all [][]step
	for _, example := range literals(section(t, page, "EXAMPLES")) {
		var steps []step
		for line := range strings.Lines(example) {
			line = strings.TrimSuffix(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{Command: command})
			} else if len(steps) == 0 {
				t.Fatalf("an example begins with %q", line)
			} else {
				last := &steps[len(steps)-1]
				last.Output = append(last.Output, line)
			}
		}
		all = append(all, steps)
	}
	if len(all) == 0 {
		t.Fatal("the page has no examples")
	}
	return all
}

var timeInLine = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// settledLine returns a line of an example without what is another in each run.
func settledLine(line string) string { return timeInLine.ReplaceAllString(line, "TIME") }
