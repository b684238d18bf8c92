package proc_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/proc"
)

// A child has the arguments, variables, directory and descriptors that its
// Program says, and no more.
func TestStart(t *testing.T) {
	// Something that is open and not close-on-exec, as an inherited descriptor.
	leak, err := unix.FcntlInt(0, unix.F_DUPFD, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v := look(t, proc.Program{Args: []string{"zero", "-one", "", "th ree"}, Env: []string{"A=b", "C="}, Dir: dir})
	if want := []string{"zero", "-one", "", "th ree"}; !slices.Equal(v.Args, want) {
		t.Errorf("argv is %q, want %q", v.Args, want)
	}
	if want := []string{"A=b", "C=", childRole + "=look"}; !slices.Equal(v.Env, want) {
		t.Errorf("the environment is %q, want %q", v.Env, want)
	}
	if v.Dir != dir {
		t.Errorf("the directory is %s, want %s", v.Dir, dir)
	}
	for n, what := range v.Files {
		if n > 2 || n != 1 && what != "" && what != "/dev/null" {
			t.Errorf("descriptor %d is %s", n, what)
		}
	}
	if len(v.Files) < 3 {
		t.Errorf("descriptors: %v, want 0, 1 and 2", v.Files)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if v := look(t, proc.Program{}); len(v.Args) != 1 || v.Dir != here {
		t.Errorf("argv %q in %s, want the path alone, and %s", v.Args, v.Dir, here)
	}
}

func TestGroup(t *testing.T) {
	group := unix.Getpgrp()
	session, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name              string
		group             proc.Group
		ownGroup, ownSess bool
	}{
		{"a group", proc.OwnGroup, true, false},
		{"a session", proc.OwnSession, true, true},
		{"the parent's group", proc.ParentsGroup, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := look(t, proc.Program{Group: test.group})
			wantGroup, wantSession := group, session
			if test.ownGroup {
				wantGroup = v.Pid
			}
			if test.ownSess {
				wantSession = v.Pid
			}
			if v.Group != wantGroup || v.Session != wantSession {
				t.Errorf("group %d, session %d, want %d and %d", v.Group, v.Session, wantGroup, wantSession)
			}
		})
	}
}

// The three ends reach the child under their numbers, whatever numbers they
// have here.
func TestStdio(t *testing.T) {
	in, feed := newPipe(t)
	out, childsOut := newPipe(t)
	complaints, childsErr := newPipe(t)
	c := sh(`read line; echo "out $line"; echo "err $line" >&2`)
	c.Stdio = proc.Stdio{In: in, Out: childsOut, Err: childsErr}
	p := start(t, c)
	childsOut.Close()
	childsErr.Close()
	write(t, feed, "kubla\n")
	if got := readAll(t, out); got != "out kubla\n" {
		t.Errorf("output: %q", got)
	}
	if got := readAll(t, complaints); got != "err kubla\n" {
		t.Errorf("errors: %q", got)
	}
	wait(t, p, "exit status 0")
	if in.Number() < 0 {
		t.Error("Start closed an end that it was lent")
	}
}

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := file("text", "no program", 0o755)
	closed, other := newPipe(t)
	closed.Close()
	for _, test := range []struct {
		name  string
		c     proc.Program
		want  error
		text  string
		inter bool
	}{
		{"nothing there", proc.Program{Path: dir + "/none"}, unix.ENOENT, ": execve: ", false},
		{"no path", proc.Program{}, unix.ENOENT, ": execve: ", false},
		{"no search through $PATH", proc.Program{Path: "sh"}, unix.ENOENT, ": execve: ", false},
		{"not executable", proc.Program{Path: file("plain", "#!/bin/sh\n", 0o644)}, unix.EACCES, ": execve: ", false},
		{"a directory", proc.Program{Path: dir}, unix.EACCES, ": execve: ", false},
		{"no format", proc.Program{Path: text}, unix.ENOEXEC, ": execve: ", false},
		{"no interpreter", proc.Program{Path: file("script", "#!/nowhere/sh\n", 0o755)}, unix.ENOENT, ": execve: ", true},
		{"no interpreter in Dir", proc.Program{Path: "./script", Dir: dir}, unix.ENOENT, ": execve: ", true},
		{"too long", proc.Program{Path: "/bin/sh", Args: []string{"sh", strings.Repeat("x", 8<<20)}}, unix.E2BIG, ": execve: ", false},
		{"no directory", proc.Program{Path: "/bin/sh", Dir: dir + "/none"}, unix.ENOENT, "/none: chdir: ", false},
		{"a file as directory", proc.Program{Path: "/bin/sh", Dir: text}, unix.ENOTDIR, "/text: chdir: ", false},
		{"a NUL in an argument", proc.Program{Path: "/bin/sh", Args: []string{"sh", "a\x00b"}}, unix.EINVAL, `"a\x00b" holds a NUL`, false},
		{"a NUL in a variable", proc.Program{Path: "/bin/sh", Env: []string{"A=\x00"}}, unix.EINVAL, "holds a NUL", false},
		{"a NUL in the path", proc.Program{Path: "/bin/sh\x00"}, unix.EINVAL, "holds a NUL", false},
		{"a NUL in the directory", proc.Program{Path: "/bin/sh", Dir: "/\x00"}, unix.EINVAL, "holds a NUL", false},
		{"argv without elements", proc.Program{Path: "/bin/sh", Args: []string{}}, unix.EINVAL, "argv has no element", false},
		{"two directories", proc.Program{Path: "/bin/sh", Dir: "/", DirFD: other}, unix.EINVAL, "both Dir and DirFD", false},
		{"a closed end", proc.Program{Path: "/bin/sh", Stdio: proc.Stdio{Err: closed}}, unix.EBADF, "descriptor 2 of the child is a closed fd", false},
		{"no open end", proc.Program{Path: "/bin/sh", Stdio: proc.Stdio{Out: ipc.NewFD(999)}}, unix.EBADF, ": dup: ", false},
		{"no terminal", proc.Program{Path: "/bin/sh", Group: proc.OwnTerminal}, unix.ENOTTY, "ioctl: inappropriate ioctl for device: standard input is no terminal", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := kit.Descriptors()
			p, err := proc.Start(&test.c)
			if err == nil {
				p.Kill(0)
			}
			if !errors.Is(err, test.want) || !strings.HasPrefix(err.Error(), "start "+test.c.Path+": ") || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want %v, %q", err, test.want, test.text)
			}
			if got := errors.Is(err, proc.ErrInterpreter); got != test.inter {
				t.Errorf("%v: ErrInterpreter is %v, want %v", err, got, test.inter)
			}
			if after := kit.Descriptors(); !maps.Equal(after, before) {
				t.Errorf("%v are open afterwards, want %v", after, before)
			}
			noChild(t)
		})
	}
}

// However few descriptors are left, a failure says so and leaves nothing.
func TestExhausted(t *testing.T) {
	wired := func(wire func() (ours, childs proc.Stdio, err error)) func() error {
		return func() error {
			ours, childs, err := wire()
			if err != nil {
				if ours != (proc.Stdio{}) || childs != (proc.Stdio{}) {
					t.Errorf("a failure returns %v and %v", ours, childs)
				}
				return err
			}
			return errors.Join(ours.Close(), childs.Close())
		}
	}
	for _, test := range []struct {
		name  string
		least int // failures
		try   func() error
	}{
		// /dev/null and the pidfd; elsewhere the two ends of a pipe of ForkExec's.
		{"Start", 2, func() error {
			p, err := proc.Start(&proc.Program{Path: "/bin/sh", Args: []string{"sh", "-c", ":"}})
			if err != nil {
				return err
			}
			_, err = p.Wait()
			return err
		}},
		{"Pipes", 6, wired(proc.Pipes)},
		{"Socketpairs", 4, wired(proc.Socketpairs)},
		{"Command", 6, func() error {
			_, err := proc.Command(":", nil, nil, nil)
			return err
		}},
		{"Command over sockets", 6, func() error {
			_, err := proc.Command(":", nil, nil, &proc.Shell{Wiring: proc.OverSocketpair})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if failures := kit.Exhaust(t, func() error { defer noChild(t); return test.try() }); failures < test.least {
				t.Errorf("%d failures, want %d at least", failures, test.least)
			}
		})
	}
}
