package cgi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/ipc"
	"xanadu/ipc/pipe"
	"xanadu/ipc/proc"
	"xanadu/web"
)

func TestMain(m *testing.M) { kit.Main(m) }

// install makes a program of a shell script in a directory of its own.
func install(t testing.TB, script string) *web.Program {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "p")
	// A child that is forked while the script is open to be written would keep
	// it busy (ETXTBSY).
	syscall.ForkLock.RLock()
	must(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o755))
	syscall.ForkLock.RUnlock()
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	must(t, err)
	p := &web.Program{Dir: ipc.NewFD(fd), File: "p", Name: "p", Filename: file}
	t.Cleanup(func() { p.Dir.Close() })
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hear reads an end that does not wait up to its end.
func hear(t testing.TB, fd *ipc.FD) string {
	t.Helper()
	must(t, pipe.SetNonblock(fd, false))
	f := os.NewFile(uintptr(fd.Disown()), "end")
	defer f.Close()
	b, err := io.ReadAll(f)
	must(t, err)
	return string(b)
}

func TestStart(t *testing.T) {
	spool := filepath.Join(t.TempDir(), "spool")
	must(t, os.WriteFile(spool, []byte("xxfrom a file"), 0o600))
	file, err := syscall.Open(spool, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	must(t, err)
	defer syscall.Close(file)
	_, err = syscall.Seek(file, 2, io.SeekStart)
	must(t, err)
	for _, test := range []struct {
		name string
		in   Input
		more string // written afterwards
		want string
	}{
		{"nothing", Input{}, "", ""},
		{"octets", Input{Bytes: []byte("some octets")}, "", "some octets"},
		{"a file", Input{File: ipc.NewFD(file)}, "", "from a file"},
		{"more", Input{More: true}, "later", "later"},
		{"octets and more", Input{Bytes: []byte("some octets "), More: true}, "and later", "some octets and later"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := install(t, `echo "$0 $* $A"; pwd; cat; echo complaint >&2`)
			c, taken, err := Start(p, []string{"one", "two words"}, []string{"A=b"}, test.in, Limits{})
			must(t, err)
			defer c.Close()
			if taken != len(test.in.Bytes) || (c.In != nil) != test.in.More {
				t.Errorf("%d octets are taken, %v is left to write to", taken, c.In)
			}
			if c.In != nil {
				_, err := pipe.Write(c.In, []byte(test.more))
				must(t, err)
				must(t, c.In.Close())
			}
			if got, want := hear(t, c.Out), "./p one two words b\n"+filepath.Dir(p.Filename)+"\n"+test.want; got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
			if got := hear(t, c.Err); got != "complaint\n" {
				t.Errorf("it complains %q", got)
			}
			if status, err := c.Wait(); !status.Success() || err != nil {
				t.Errorf("%v, %v", status, err)
			}
		})
	}
}

// TestStartFullPipe: what the pipe does not take is the caller's to write.
func TestStartFullPipe(t *testing.T) {
	p := install(t, `wc -c`)
	content := []byte(strings.Repeat("x", 200_000))
	c, taken, err := Start(p, nil, nil, Input{Bytes: content}, Limits{})
	must(t, err)
	defer c.Close()
	if taken == 0 || taken == len(content) || c.In == nil {
		t.Fatalf("the pipe took %d octets, and %v is left to write to", taken, c.In)
	}
	must(t, pipe.SetNonblock(c.In, false))
	_, err = pipe.Write(c.In, content[taken:])
	must(t, err)
	must(t, c.In.Close())
	if got := strings.TrimSpace(hear(t, c.Out)); got != "200000" {
		t.Errorf("it has read %s octets", got)
	}
	_, err = c.Wait()
	must(t, err)
}

func TestStartFails(t *testing.T) {
	missing := install(t, "")
	must(t, os.Remove(missing.Filename))
	document := install(t, "")
	must(t, os.Chmod(document.Filename, 0o644))
	interpreter := install(t, "")
	must(t, os.WriteFile(interpreter.Filename, []byte("#!/no/such/interpreter\n"), 0o755))
	junk := install(t, "")
	must(t, os.WriteFile(junk.Filename, []byte{0x7f, 'E', 'L', 'F', 0}, 0o755))
	for _, test := range []struct {
		name    string
		program *web.Program
		want    int
	}{
		{"missing", missing, 404}, {"not executable", document, 403}, {"no interpreter", interpreter, 500}, {"no program", junk, 500},
	} {
		for _, in := range []Input{{}, {More: true}} {
			c, _, err := Start(test.program, nil, nil, in, Limits{CPU: time.Second, Memory: 1 << 30})
			if err == nil {
				c.Kill(0)
				c.Close()
				t.Fatalf("%s: it runs", test.name)
			}
			if got := StatusOf(err); got != test.want || c != nil {
				t.Errorf("%s: %v is %d, want %d", test.name, err, got, test.want)
			}
		}
	}
}

func TestStatusOf(t *testing.T) {
	of := os.NewSyscallError
	for _, test := range []struct {
		err  error
		want int
	}{
		{of("clone", syscall.EAGAIN), 503}, {of("execve", syscall.ENOMEM), 503}, {of("dup", syscall.EMFILE), 503},
		{of("pipe2", syscall.ENFILE), 503}, {of("execve", syscall.ETXTBSY), 503},
		{of("execve", syscall.EACCES), 403}, {of("execve", syscall.EPERM), 403}, {of("fchdir", syscall.EACCES), 403}, {of("chdir", syscall.EACCES), 403},
		{of("execve", syscall.ENOENT), 404}, {of("execve", syscall.E2BIG), 500}, {errors.New("x"), 500},
		{fmt.Errorf("%w: %w", of("execve", syscall.ENOENT), proc.ErrInterpreter), 500},
		{of("prlimit", syscall.EPERM), 500}, {of("clone", syscall.EPERM), 500}, {of("close_range", syscall.EACCES), 500}, {of("open", syscall.ENOENT), 500},
	} {
		if got := StatusOf(fmt.Errorf("start ./p: %w", test.err)); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}
