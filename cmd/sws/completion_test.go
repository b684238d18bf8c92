package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"xanadu/ipc/ready"
	"xanadu/web/accesslog"
)

// A completionCase is a command line, whose last word is to be completed, and
// what is offered in a directory with the directories "my docs" and "other" and
// a file.
type completionCase struct {
	words []string
	want  []string
}

func completionCases() []completionCase {
	var long []string
	new(settings).flags().VisitAll(func(f *pflag.Flag) { long = append(long, "--"+f.Name) })
	slices.Sort(long)
	return []completionCase{
		{[]string{"--lo"}, []string{"--log", "--log-format", "--loops"}},
		{[]string{"--"}, long},
		{[]string{"-f", ""}, []string{"file", "my docs", "other"}},
		{[]string{"-c", "m"}, []string{"my docs"}},
		{[]string{"-l", ""}, []string{"file", "my docs", "other"}},
		{[]string{"-fl", "f"}, []string{"file"}},
		{[]string{"--log", "o"}, []string{"other"}},
		{[]string{"--poller", ""}, sorted(ready.Names())},
		{[]string{"--completion", ""}, sorted(shellNames())},
		{[]string{"--log-format", "j"}, []string{"json"}},
		{[]string{"--log-format=c"}, []string{"combined", "common"}},
		{[]string{"--log-format="}, sorted(accesslog.FormatNames())},
		{[]string{"-p", ""}, nil},
		{[]string{"-i", "unix:"}, nil},
		{[]string{"-i", "unix:m"}, nil},
		{[]string{"o"}, []string{"other"}},
		{[]string{"--idle"}, []string{"--idle-timeout"}},
		{[]string{"--idle-timeout", ""}, nil},
		// Behind the directory there are options, and nothing else.
		{[]string{"other", ""}, nil},
		{[]string{"-f", "other", "m"}, nil},
		{[]string{"-l", "file", "other", ""}, nil},
		{[]string{"--", "other", ""}, nil},
		{[]string{"--log-format=json", "other", ""}, nil},
		{[]string{"other", "--idle"}, []string{"--idle-timeout"}},
		{[]string{"other", "-l", "f"}, []string{"file"}},
		{[]string{"other", "-fc", ""}, []string{"my docs", "other"}},
		// What belongs to an option is no directory.
		{[]string{"-l", "other", ""}, []string{"file", "my docs", "other"}},
		{[]string{"-lp", ""}, []string{"file", "my docs", "other"}},
		{[]string{"-fp", "80", "m"}, []string{"my docs"}},
		{[]string{"--port=80", "m"}, []string{"my docs"}},
		{[]string{"--log-format", "json", "m"}, []string{"my docs"}},
		{[]string{"-i", "unix:/s", "m"}, []string{"my docs"}},
		{[]string{"--address=unix:/s", "m"}, []string{"my docs"}},
		{[]string{"--", "m"}, []string{"my docs"}},
	}
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

func TestBashCompletion(t *testing.T) {
	bash := shell(t, "bash")
	dir := completionDir(t)
	for _, c := range completionCases() {
		t.Run(strings.Join(c.words, " "), func(t *testing.T) {
			words := []string{"sws"}
			for _, w := range c.words {
				// As readline splits words (bash(1), COMP_WORDBREAKS).
				if parts := regexp.MustCompile("[=:]|[^=:]+").FindAllString(w, -1); parts != nil {
					words = append(words, parts...)
				} else {
					words = append(words, w)
				}
			}
			script := completion("bash") + `
				COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
				_sws
				[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}"`
			got := evaluate(t, dir, bash, append([]string{"--norc", "-c", script, "bash"}, words...)...)
			if c.words[0] == "--" { // bash offers the short ones as well
				got = slices.DeleteFunc(got, func(s string) bool { return len(s) == 2 })
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFishCompletion(t *testing.T) {
	fish := shell(t, "fish")
	dir := completionDir(t)
	for _, c := range completionCases() {
		t.Run(strings.Join(c.words, " "), func(t *testing.T) {
			line := "sws " + strings.Join(c.words, " ")
			got := evaluate(t, dir, fish, "--no-config", "-c", completion("fish")+"\ncomplete -C $argv[1]", line)
			flag, _, valued := strings.Cut(c.words[0], "=")
			for i, s := range got {
				s, _, _ = strings.Cut(s, "\t") // behind it is what it does
				s = strings.TrimSuffix(s, "/")
				if valued {
					s = strings.TrimPrefix(s, flag+"=")
				}
				got[i] = s
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Zsh completes for a person at a terminal alone, so it gets one.
func TestZshCompletion(t *testing.T) {
	zsh := shell(t, "zsh")
	dir := completionDir(t)
	file := filepath.Join(t.TempDir(), "_sws")
	if err := os.WriteFile(file, []byte(completion("zsh")), 0o644); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"sws --vers":                 "sws --version",
		"sws --log-format=j":         "--log-format=json",
		"sws -f -l fi":               "-l file",
		"sws -c m":                   "-c my docs",
		"sws --max-connections=3 ot": "=3 other/",
	} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			got := evaluate(t, dir, zsh, "-f", "-c", `
				zmodload zsh/zpty || exit 77
				zpty inner "TERM=dumb COLUMNS=1000 zsh -f -i"
				zpty -w inner "PS1=; autoload -Uz compinit; compinit -u -D; source $1; echo I am \ready"
				zpty -r inner out '*I am ready*'
				zpty -w -n inner "$2"$'\t'
				zpty -r inner out "*$3*"
				print -r -- completed
				zpty -d inner`, "zsh", file, typed, strings.ReplaceAll(want, " docs", "*docs"))
			if !slices.Equal(got, []string{"completed"}) {
				t.Errorf("got %q, want %s", got, want)
			}
		})
	}
}

// Behind the directory zsh has nothing to offer.
func TestZshCompletionBehindDir(t *testing.T) {
	zsh := shell(t, "zsh")
	dir := completionDir(t)
	file := filepath.Join(t.TempDir(), "_sws")
	if err := os.WriteFile(file, []byte(completion("zsh")), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"sws other m", "sws -l file other m", "sws -- other m"} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			got := evaluate(t, dir, zsh, "-f", "-c", `
				zmodload zsh/zpty || exit 77
				zpty inner "TERM=dumb COLUMNS=1000 zsh -f -i"
				zpty -w inner "PS1=; autoload -Uz compinit; compinit -u -D; source $1; echo I am \ready"
				zpty -r inner out '*I am ready*'
				zpty -w -n inner "$2"$'\t'END
				zpty -r inner out '*END*'
				[[ $out != *docs* ]] && print -r -- nothing
				zpty -d inner`, "zsh", file, typed)
			if !slices.Equal(got, []string{"nothing"}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Where zsh has no completion, sws says how to turn it on.
func TestZshWithoutCompletion(t *testing.T) {
	zsh := shell(t, "zsh")
	got := evaluate(t, t.TempDir(), zsh, "-f", "-c", `eval "$1"; print $?; autoload -Uz compinit && compinit -u -D; eval "$1"; print $?`,
		"zsh", completion("zsh"))
	want := []string{"0", "1",
		`sws: completion is off in this shell; put "autoload -Uz compinit && compinit" before this line of ~/.zshrc`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// shell finds a shell or skips the test.
func shell(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: its completions are not tried", name)
	}
	return path
}

func completionDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"my docs", "other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// evaluate runs a shell in dir and returns the lines that it prints, sorted.
func evaluate(t *testing.T, dir, shell string, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir = dir
	home := t.TempDir() // what a shell leaves there is none of dir's names
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	lines := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	if len(output) == 0 {
		lines = nil
	}
	slices.Sort(lines)
	return lines
}
