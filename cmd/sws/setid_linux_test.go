package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tellWhoAmI is this very binary as a CGI program.
func tellWhoAmI() {
	var core, cpu syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_CORE, &core)
	syscall.Getrlimit(syscall.RLIMIT_CPU, &cpu)
	fmt.Printf("Content-Type: text/plain\n\nuser %d as %d, group %d as %d, limits %d %d",
		os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), core.Max, cpu.Cur)
}

// A program whose file has the bits for it runs as another user or group, directly
// and when another starts it, with its limits. With --no-setid none does.
func TestSetID(t *testing.T) {
	t.Parallel()
	const nobody, other = 65534, 65533
	if os.Getuid() != 0 {
		t.Skip("only root has programs that make another user of one")
	}
	dir, err := os.MkdirTemp("", "setid")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Flags&syscall.MS_NOSUID != 0 {
		t.Skipf("%s is mounted nosuid, or %v", dir, err)
	}
	programs := filepath.Join(dir, "programs")
	for _, d := range []string{dir, programs, filepath.Join(dir, "docs")} {
		os.Mkdir(d, 0o755)
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	plant := func(name string, uid, gid int, mode uint32) {
		t.Helper()
		copyOfThis(t, name)
		if err := os.Chown(name, uid, gid); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	plant(filepath.Join(dir, "sws"), 0, 0, 0o755)
	plant(filepath.Join(programs, "plain"), 0, 0, 0o755)
	plant(filepath.Join(programs, "root"), 0, 0, 0o4755)
	plant(filepath.Join(programs, "secret"), 0, 0, 0o4711) // nobody else may read it
	plant(filepath.Join(programs, "group"), 0, other, 0o2755)
	plant(filepath.Join(programs, "other"), other, other, 0o6755)
	script := "#!/bin/sh\nexec ./root\n"
	if err := os.WriteFile(filepath.Join(programs, "script"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}

	for _, server := range []struct {
		name  string
		user  uint32
		flags []string
		want  map[string]string
	}{
		{"nobody", nobody, nil, map[string]string{
			"plain":  "user 65534 as 65534, group 65534 as 65534",
			"root":   "user 65534 as 0, group 65534 as 65534",
			"secret": "user 65534 as 0, group 65534 as 65534",
			"group":  "user 65534 as 65534, group 65534 as 65533",
			"other":  "user 65534 as 65533, group 65534 as 65533",
			"script": "user 65534 as 0, group 65534 as 65534",
		}},
		{"root", 0, nil, map[string]string{
			"plain": "user 0 as 0, group 0 as 0",
			"other": "user 0 as 65533, group 0 as 65533",
		}},
		{"nobody, no-setid", nobody, []string{"--no-setid"}, map[string]string{
			"root":   "user 65534 as 65534, group 65534 as 65534",
			"secret": "user 65534 as 65534, group 65534 as 65534",
			"group":  "user 65534 as 65534, group 65534 as 65534",
			"other":  "user 65534 as 65534, group 65534 as 65534",
			"script": "user 65534 as 65534, group 65534 as 65534",
		}},
	} {
		t.Run(server.name, func(t *testing.T) {
			args := append([]string{"-f", "-p", "0", "-i", "127.0.0.1", "-c", programs}, server.flags...)
			c := sws(t, append(args, filepath.Join(dir, "docs"))...)
			c.Path = filepath.Join(dir, "sws")
			c.Dir = "/"
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: server.user, Gid: server.user}}
			cmd := &command{Cmd: c}
			cmd.begin(t)
			cmd.listens(t)
			for name, want := range server.want {
				got := cmd.ask(t, "GET /cgi-bin/"+name+" HTTP/1.0\r\n\r\n")
				if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != want+", limits 0 60" {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			cmd.signal(t, syscall.SIGTERM)
			cmd.end(t, 0, "")
		})
	}
}

// copyOfThis makes a file of this very binary. A fork while it is written would
// keep it busy (ETXTBSY).
func copyOfThis(t *testing.T, name string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	from, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
}
