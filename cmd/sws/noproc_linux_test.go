package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"xanadu/internal/kit"
)

// As in a chroot that has no /proc: documents, lists and programs are served, a
// program's source is not, and a deploy is noticed.
func TestWithoutProc(t *testing.T) {
	if kit.Race {
		t.Skip("the race detector reads /proc itself, and complains without it")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may mount something over /proc")
	}
	const hide = "mount --make-rprivate /; mount -t tmpfs none /proc"
	own := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	probe := exec.Command("sh", "-ec", hide)
	if probe.SysProcAttr = own; probe.Run() != nil {
		t.Skip("this system gives no mounts of one's own (unshare(2))")
	}
	base := t.TempDir()
	inShell(t, base, `mkdir -p docs/apps; echo a document >docs/file; ln -s file docs/link
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%%s in %%s" "$PATH_INFO" "$(basename "$(pwd)")"\n' >docs/apps/run
chmod +x docs/apps/run`)
	c := &command{Cmd: sws(t, "-f", "-p", "0", "-i", "127.0.0.1", "-c", base+"/docs/apps", base+"/docs")}
	c.Args = append([]string{"sh", "-ec", hide + `; exec "$@"`, "sh"}, append([]string{c.Path}, c.Args[1:]...)...)
	c.Path = "/bin/sh"
	c.SysProcAttr = own
	c.begin(t)
	c.listens(t)
	want := func(path, text string) {
		t.Helper()
		got := c.ask(t, "GET "+path+" HTTP/1.0\r\n\r\n")
		if !strings.Contains(got, text) || strings.Contains(got, "#!/bin/sh") {
			t.Errorf("%s: %q, want %q", path, got, text)
		}
	}
	for range 2 {
		want("/file", "a document")
		want("/link", "a document")
		want("/?format=text", "\r\n\r\nfile\nlink\n")
		want("/apps/run", "404")
		want("/apps/", "404")
		want("/cgi-bin/run/x", "/x in apps")
		inShell(t, base, "cp -a docs/apps n; mv docs/apps docs/o; mv n docs/apps; rm -r docs/o")
	}
	c.signal(t, syscall.SIGTERM)
	c.end(t, 0, "")
}
