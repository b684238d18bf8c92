package main

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// A log whose new place is in a file system that does not respond: SIGHUP is not
// done, requests are answered, the old file is written on, and SIGTERM ends the
// server.
func TestHangUpHangs(t *testing.T) {
	docs, old := documents(t, 3), t.TempDir()
	hung := kit.NewFileSystem(t, t.TempDir())
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Symlink(old, dir); err != nil {
		t.Fatal(err)
	}
	cmd := foreground(t, "-i", "127.0.0.1", "-l", filepath.Join(dir, "log"), docs)
	cmd.ask(t, "GET /1 HTTP/1.0\r\n\r\n")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(hung.Dir, dir); err != nil {
		t.Fatal(err)
	}
	hung.Hang()
	cmd.signal(t, syscall.SIGHUP)
	<-hung.Asked()
	cmd.signal(t, syscall.SIGHUP)
	cmd.ask(t, "GET /2 HTTP/1.0\r\n\r\n")
	start := time.Now()
	cmd.signal(t, syscall.SIGTERM)
	cmd.end(t, 0, "")
	if took := time.Since(start); took > lastTime {
		t.Errorf("it ends after %v", took)
	}
	b, err := os.ReadFile(filepath.Join(old, "log"))
	if want := regexp.MustCompile(`^\S+ \S+ "GET /1 .*\n\S+ \S+ "GET /2 .*\n$`); err != nil || !want.Match(b) {
		t.Errorf("the old log: %q, %v; want both lines", b, err)
	}
}
