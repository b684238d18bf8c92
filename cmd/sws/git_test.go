package main

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A gitUser runs git without any configuration but the test's.
type gitUser struct {
	t   *testing.T
	env []string
}

// run runs git in dir and returns what it prints.
func (u gitUser) run(dir string, args ...string) string {
	u.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, u.env
	output, err := cmd.CombinedOutput()
	if err != nil {
		u.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// newGitUser skips the test where git or its HTTP server is not installed.
func newGitUser(t *testing.T) gitUser {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err == nil {
		_, err = os.Stat(filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"))
	}
	if err != nil {
		t.Skipf("git and git-http-backend are not installed: %v", err)
	}
	home := t.TempDir()
	// Large files are neither compressed nor compared with others: 50 MiB of
	// noise take a second and little memory.
	config := "[user]\n\tname = A U Thor\n\temail = author@example.com\n" +
		"[core]\n\tcompression = 0\n\tbigFileThreshold = 1m\n[init]\n\tdefaultBranch = main\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return gitUser{t, append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "NO_PROXY=*")}
}

// Git's own server and cgit run as programs, with 50 MiB pushed and cloned: far
// beyond what is gathered by default, in chunks of a length that nobody knows
// before its end.
func TestGit(t *testing.T) {
	t.Parallel()
	git := newGitUser(t)
	dir := t.TempDir()
	git.run(dir, "init", "-q", "--bare", "repositories/large.git")
	bare := filepath.Join(dir, "repositories/large.git")
	git.run(bare, "config", "http.receivepack", "true")
	git.run(bare, "config", "receive.unpackLimit", "1") // keep the pack as it comes
	git.run(bare, "config", "core.compression", "0")    // the server's git has no home
	git.run(bare, "config", "core.bigFileThreshold", "1m")
	git.run(dir, "init", "-q", "work")
	work := filepath.Join(dir, "work")
	noise, err := os.Create(filepath.Join(work, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(noise, rand.NewChaCha8([32]byte{}), 50<<20); err != nil {
		t.Fatal(err)
	}
	noise.Close()
	git.run(work, "add", "noise")
	git.run(work, "commit", "-q", "-m", "fifty MiB of noise")

	const cgit = "/usr/lib/cgit/cgit.cgi" // Debian's
	programs := plantPrograms(t, map[string]string{"git": "exec git http-backend\n", "cgit": "exec " + cgit + "\n"})
	config := filepath.Join(dir, "cgitrc")
	if err := os.WriteFile(config, []byte("scan-path="+dir+"/repositories\nenable-index-owner=0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", programs, "--cgi-content", "64M",
		"--cgi-env", "GIT_PROJECT_ROOT", "--cgi-env", "GIT_HTTP_EXPORT_ALL", "--cgi-env", "CGIT_CONFIG", documents(t, 1))}
	cmd.Env = append(cmd.Env, "GIT_PROJECT_ROOT="+dir+"/repositories", "GIT_HTTP_EXPORT_ALL=1", "CGIT_CONFIG="+config)
	cmd.begin(t)
	cmd.listens(t)

	url := "http://" + cmd.at + "/cgi-bin/git/large.git"
	git.run(work, "push", "-q", url, "main")
	git.run(dir, "clone", "-q", url, "clone")
	want := git.run(work, "rev-parse", "HEAD", "HEAD:noise")
	if got := git.run(filepath.Join(dir, "clone"), "rev-parse", "HEAD", "HEAD:noise"); got != want {
		t.Errorf("the clone has %s, want %s", got, want)
	}
	if got := git.run(filepath.Join(dir, "clone"), "status", "--porcelain"); got != "" {
		t.Errorf("the clone is not what was pushed: %s", got)
	}

	t.Run("cgit", func(t *testing.T) {
		if _, err := os.Stat(cgit); err != nil {
			t.Skipf("cgit is not installed: %v", err)
		}
		git := gitUser{t, git.env}
		got := cmd.ask(t, "GET /cgi-bin/cgit/large.git/log/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "fifty MiB of noise") {
			t.Errorf("the log of the repository: %.1000q", got)
		}
		git.run(bare, "update-server-info") // it serves files, and those name the packs
		git.run(dir, "clone", "-q", "http://"+cmd.at+"/cgi-bin/cgit/large.git", "files")
		if got := git.run(filepath.Join(dir, "files"), "rev-parse", "HEAD", "HEAD:noise"); got != want {
			t.Errorf("the clone has %s, want %s", got, want)
		}
	})
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 0, "")
}
