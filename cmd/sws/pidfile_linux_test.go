package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A number that is not the holder's ends nobody: neither when the server is in
// another PID namespace, nor when a user has made the file to mislead root.
func TestStopMisled(t *testing.T) {
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait()
	defer victim.Process.Kill()
	file := held(t, victim.Process.Pid)
	stderr, status := runStop(t, file)
	if want := "process " + strconv.Itoa(victim.Process.Pid) + " does not hold the file: "; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("got %q, %d, want %q", stderr, status, want)
	}

	if os.Getuid() == 0 {
		// Another user's file, which a process of root has open.
		reader := exec.Command("sleep", "1000")
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		reader.Stdin = f
		if err := reader.Start(); err != nil {
			t.Fatal(err)
		}
		defer reader.Wait()
		defer reader.Process.Kill()
		if err := os.WriteFile(file, []byte(strconv.Itoa(reader.Process.Pid)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(file, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		stderr, status := runStop(t, file)
		if want := ": operation not permitted; only root and the server's user may end it\n"; status != 1 || !strings.HasSuffix(stderr, want) {
			t.Errorf("got %q, %d, want %q", stderr, status, want)
		}
		if err := reader.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("the reader: %v", err)
		}
	}
}

// On a terminal the command says which daemon it has started; its arguments have
// the absolute path; and it is ended by the file.
func TestDaemonOnTerminal(t *testing.T) {
	adoptOrphans(t)
	docs := documents(t, 1)
	dir := t.TempDir()
	if err := os.Symlink(docs, filepath.Join(dir, "docs")); err != nil {
		t.Fatal(err)
	}
	terminal, side := terminalPair(t)
	cmd := sws(t, "-i", "127.0.0.1", "-p", "0", "--pid-file", "pid", "docs")
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = side, side
	err := cmd.Run()
	side.Close()
	line, readErr := bufio.NewReader(terminal).ReadString('\n')
	if err != nil || readErr != nil {
		t.Fatalf("%v, %v, %q", err, readErr, line)
	}
	m := regexp.MustCompile(`^serving ` + regexp.QuoteMeta(dir) + `/docs at http://127\.0\.0\.1:\d+/, process (\d+)\r\n$`).FindStringSubmatch(line)
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if m == nil || err != nil || m[1]+"\n" != string(text) {
		t.Fatalf("it says %q; pid file %q, %v", line, text, err)
	}
	args, err := os.ReadFile("/proc/" + m[1] + "/cmdline")
	if err != nil || !bytes.HasSuffix(args, []byte("\x00"+dir+"/docs\x00")) {
		t.Errorf("arguments %q, %v", args, err)
	}
	if stderr, status := runStop(t, filepath.Join(dir, "pid")); stderr != "" || status != 0 {
		t.Errorf("--stop: %q, %d", stderr, status)
	}
	pid, _ := strconv.Atoi(m[1])
	if err := waitForDaemon(pid); err != nil {
		t.Error(err)
	}
}
