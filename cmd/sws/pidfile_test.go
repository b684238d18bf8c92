package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// runStop runs sws --stop and returns what it complains of and its exit status.
func runStop(t *testing.T, file string) (stderr string, status int) {
	t.Helper()
	cmd := sws(t, "--stop", "--pid-file", file)
	output, _ := cmd.CombinedOutput()
	return string(output), cmd.ProcessState.ExitCode()
}

// The file is there while the server runs, and by it the server is ended.
func TestStop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cmd := foreground(t, "-i", "127.0.0.1", "--pid-file", file, documents(t, 1))
	text, err := os.ReadFile(file)
	if want := strconv.Itoa(cmd.Process.Pid) + "\n"; err != nil || string(text) != want {
		t.Fatalf("%q, %v; want %q", text, err, want)
	}
	if st, _ := os.Stat(file); st.Mode().Perm()&^0o644 != 0 {
		t.Errorf("mode %v, want no more than 0644", st.Mode())
	}

	second := sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "--pid-file", file, documents(t, 1))
	want := "sws: --pid-file " + file + ": the server that runs as process " + strconv.Itoa(cmd.Process.Pid) +
		" has this file; end it with --stop, or name another file\n"
	if output, _ := second.CombinedOutput(); string(output) != want || second.ProcessState.ExitCode() != 1 {
		t.Errorf("a second server: %q, %v; want %q", output, second.ProcessState, want)
	}

	if stderr, status := runStop(t, file); stderr != "" || status != 0 {
		t.Errorf("--stop: %q, %d", stderr, status)
	}
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
	cmd.end(t, 0, "")
	if stderr, status := runStop(t, file); status != 1 ||
		stderr != "sws: --stop: "+file+": open: no such file or directory; no server runs with this file\n" {
		t.Errorf("--stop again: %q, %d", stderr, status)
	}
}

// A file that was left behind ends no other process, and the next server takes it
// over.
func TestStalePIDFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cmd := foreground(t, "-i", "127.0.0.1", "--pid-file", file, documents(t, 1))
	cmd.signal(t, syscall.SIGKILL)
	cmd.Wait()
	other := exec.Command("sleep", "1000") // has the number by now
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	pid := strconv.Itoa(other.Process.Pid)
	if err := os.WriteFile(file, []byte(pid+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := "sws: --stop: " + file + ": no server runs with this file: it was left behind by process " + pid + "\n"
	if stderr, status := runStop(t, file); stderr != want || status != 1 {
		t.Errorf("got %q, %d, want %q", stderr, status, want)
	}
	next := foreground(t, "-i", "127.0.0.1", "--pid-file", file, documents(t, 1))
	if stderr, status := runStop(t, file); stderr != "" || status != 0 {
		t.Errorf("--stop: %q, %d", stderr, status)
	}
	next.end(t, 0, "")
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other process: %v", err)
	}
}

// What is no file of a server is neither written to nor believed.
func TestPIDFileErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	page := write("page", "<p>hello", 0o644)
	os.Symlink("nothing", filepath.Join(dir, "link"))
	os.Link(page, filepath.Join(dir, "page-2"))
	syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644)
	for _, c := range []struct{ name, path, want string }{
		{"another purpose", write("text", "1 2 3 and more than a process id would have", 0o644), ": it holds something else than a process id; name another file"},
		{"0", write("zero", "0\n", 0o644), ": it holds something else than a process id; name another file"},
		{"-1", write("all", "-1\n", 0o644), ": it holds something else than a process id; name another file"},
		{"hard link", page, ": the file has other names (hard links); name another file"},
		{"symbolic link", filepath.Join(dir, "link"), ": open: too many levels of symbolic links; name "},
		{"FIFO", filepath.Join(dir, "fifo"), ": it is no regular file; name another file"},
		{"others write", write("open", "1\n", 0o666), ": others than its owner may write to it; take that away (chmod go-w), or name another file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, _ := os.Lstat(c.path)
			cmd := sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "--pid-file", c.path, dir)
			if output, _ := cmd.CombinedOutput(); !strings.HasPrefix(string(output), "sws: --pid-file "+c.path+c.want) {
				t.Errorf("start: %q, want %q", output, c.want)
			}
			if stderr, status := runStop(t, c.path); status != 1 || !strings.HasPrefix(stderr, "sws: --stop: "+c.path+c.want) {
				t.Errorf("--stop: %q, %d, want %q", stderr, status, c.want)
			}
			if after, err := os.Lstat(c.path); err != nil || after.Size() != before.Size() {
				t.Errorf("it has changed: %v, %v", after, err)
			}
		})
	}
}

// held makes a file with the number pid that this process holds, as a server does.
func held(t *testing.T, pid int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(pid)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return file
}

// The path of what is served is absolute wherever it stands in the arguments, and
// no value of a flag is taken for it.
func TestDaemonArgs(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"", "HERE"},
		{"-p 80", "-p 80 HERE"},
		{".", "HERE"},
		{"docs", "HERE/docs"},
		{"docs -p 80", "HERE/docs -p 80"},
		{"-l docs docs", "-l docs HERE/docs"},
		{"docs -l docs", "HERE/docs -l docs"},
		{"-l docs -l -l docs", "-l docs -l -l HERE/docs"},
		{"docs -l docs -p 80", "HERE/docs -l docs -p 80"},
		{"-l . --qr", "-l . --qr HERE"},
		{"-- docs", "-- HERE/docs"},
		{"--", "-- HERE"},
		{"-l docs -c x ./docs --qr", "-l docs -c x HERE/docs --qr"},
	} {
		args := strings.Fields(c.args)
		s, err := parse(args)
		if err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		want := strings.Fields(strings.ReplaceAll(c.want, "HERE", here))
		got := s.daemonArgs(args)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.args, got, want)
		}
		if again, err := parse(got); err != nil || again.dir != s.dir || again.log != s.log || again.cgi != s.cgi {
			t.Errorf("%s: %v, %+v", c.args, err, again)
		}
	}
}
