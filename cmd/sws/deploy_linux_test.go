package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inShell has a shell do something in a directory.
func inShell(t *testing.T, dir, command string) {
	t.Helper()
	c := exec.Command("sh", "-ec", command)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// Documents and the programs among them are replaced while the server runs: no
// program's source is sent, the new ones run at once, and so do those of a new
// document root within a second.
func TestDeploy(t *testing.T) {
	base := t.TempDir()
	inShell(t, base, `mkdir -p 1/apps 2/apps; ln -s 1 docs
for release in 1 2; do
	echo document of $release >$release/file
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nprogram of %s"\n' $release >$release/apps/run
	chmod +x $release/apps/run
done`)
	c := foreground(t, "-i", "127.0.0.1", "-c", filepath.Join(base, "docs/apps"), filepath.Join(base, "docs"))
	get := func(path string) string {
		t.Helper()
		return c.ask(t, "GET "+path+" HTTP/1.0\r\nHost: a\r\n\r\n")
	}
	want := func(when, path, text string) {
		t.Helper()
		if got := get(path); !strings.Contains(got, text) {
			t.Errorf("%s: %s: %q, want %q", when, path, got, text)
		}
		for _, path := range []string{"/apps/run", "/o/run", "/"} {
			if got := get(path); strings.Contains(got, "#!/bin/sh") || strings.Contains(got, `"apps/"`) || strings.Contains(got, `"o/"`) {
				t.Errorf("%s: %s: %q", when, path, got)
			}
		}
	}
	want("at first", "/cgi-bin/run", "program of 1")
	want("at first", "/file", "document of 1")
	for range 2 {
		inShell(t, base+"/1", "cp -a apps ../n; sed -i 's/of %s/of the next/' ../n/run; mv apps o; mv ../n apps")
		want("after a rename", "/cgi-bin/run", "program of ")
		inShell(t, base+"/1", "rm -rf o")
		want("after rm", "/cgi-bin/run", "program of ")
	}
	c.signal(t, syscall.SIGHUP)
	want("after SIGHUP", "/apps/run", "404")

	inShell(t, base, "ln -s 2 next; mv -T next docs")
	want("after a switch", "/cgi-bin/run", "program of 2")
	for start := time.Now(); !strings.Contains(get("/file"), "document of 2"); {
		if time.Since(start) > hangs {
			t.Fatal("the old document root is served on")
		}
	}
	want("later", "/", "file")

	if err := os.Rename(base+"/docs", base+"/gone"); err != nil {
		t.Fatal(err)
	}
	c.signal(t, syscall.SIGHUP)
	want("without a root", "/cgi-bin/run", "program of 2")
	c.signal(t, syscall.SIGTERM)
	stays := ": open: no such file or directory; the directory of before stays"
	c.end(t, 0, "sws: serve "+base+"/docs"+stays+"; run programs from "+base+"/docs/apps"+stays+"\n")
}
