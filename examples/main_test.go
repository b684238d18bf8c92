//go:build unix

// Package examples tests the lecture's programs as their user meets them: it
// builds them, and compares what they print, line by line, with the transcripts
// in README.md and in the tests.
package examples

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"xanadu/internal/kit"
)

// TestMain makes the test binary the nc of the transcripts, too, under that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "nc" {
		if err := netcat(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "nc:", err)
			os.Exit(1)
		}
		return
	}
	kit.Main(m)
}

// netcat is a plain client: what it reads goes to a host and port, and what comes
// from there is printed until that has its end.
func netcat(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: nc host port")
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(args[0], args[1]))
	if err != nil {
		return err
	}
	go func() {
		io.Copy(conn, os.Stdin)
		conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, conn)
	return err
}

// TestPrograms builds the programs once for all tests.
func TestPrograms(t *testing.T) {
	bin := build(t)
	t.Run("tour", func(t *testing.T) { testTour(t, bin) })
	t.Run("command", func(t *testing.T) { testCommand(t, bin) })
	t.Run("pager", func(t *testing.T) { testPager(t, bin) })
	t.Run("multiplex", func(t *testing.T) { testMultiplex(t, bin) })
	t.Run("versions of IP", func(t *testing.T) { testVersions(t, bin) })
	t.Run("signals", func(t *testing.T) { testSignals(t, bin) })
	t.Run("faults", func(t *testing.T) { testFaults(t, bin) })
	t.Run("broken connection", func(t *testing.T) { testBrokenConnection(t, bin) })
	t.Run("combinations", func(t *testing.T) { testCombinations(t, bin) })
	t.Run("calls", func(t *testing.T) { testCalls(t, bin) })
	t.Run("Internet", func(t *testing.T) { testInternet(t, bin) })
}

// build builds the programs of this folder, and nc, and returns where they are.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	install(t, bin, "./...")
	exe, err := os.Executable()
	if err == nil {
		err = os.Symlink(exe, filepath.Join(bin, "nc"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// install builds packages into a folder.
func install(t *testing.T, bin, packages string) {
	t.Helper()
	// What this process reads is what go test knows a cached result by.
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", bin+"/", packages)
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	switch out, err := cmd.CombinedOutput(); {
	case errors.Is(err, exec.ErrNotFound):
		t.Skip("there is no go command to build the programs with: ", err)
	case err != nil && strings.Contains(string(out), "GOPROXY=off"):
		t.Skipf("this user's module cache lacks what the programs are built from:\n%s", out)
	case err != nil:
		t.Fatalf("go build: %v\n%s", err, out)
	}
}
