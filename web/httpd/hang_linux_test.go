package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/web/httpd"
	"xanadu/web/site"
)

// These tests run alone, since others start programs: the child closes what it has
// of the parent's, which is a request to the file system, while the thread of the
// parent waits for it, and perhaps the one that is to answer.

// hangingStage serves a directory in which a file system is mounted that can hang,
// at "mount", and documents that are small.
func hangingStage(t *testing.T, opt httpd.Options) (*rig, *kit.FileSystem) {
	t.Helper()
	docs := t.TempDir()
	must(t, os.Mkdir(filepath.Join(docs, "mount"), 0o755))
	for i := range 4 * crew {
		must(t, os.WriteFile(filepath.Join(docs, fmt.Sprint("doc", i)), []byte("here"), 0o644))
	}
	fs := kit.NewFileSystem(t, filepath.Join(docs, "mount"))
	s, err := site.New(docs, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return start(t, s, opt), fs
}

// A file system that does not respond has 503, as soon as it is known and until it
// responds again. Everything else is there all the while: documents that nobody has
// asked for before, and the list with the mount in it.
func TestFileSystemHangs(t *testing.T) {
	r, fs := hangingStage(t, httpd.Options{AnswerTimeout: 2 * time.Second})
	fs.Hang()
	var waiting []*client
	for i := range 2 * crew {
		c := r.dial()
		c.write(request("GET", fmt.Sprint("/mount/", i)))
		waiting = append(waiting, c)
	}
	<-fs.Asked()
	c := r.dial()
	for i := range 4 * crew {
		if p := c.get(fmt.Sprint("/doc", i)); p.status != 200 || string(p.body) != "here" {
			t.Fatalf("document %d: %d, %q", i, p.status, p.body)
		}
	}
	if p := c.get("/?format=text"); p.status != 200 || !strings.Contains(string(p.body), "mount/") {
		t.Errorf("the list: %d, %q", p.status, p.body)
	}
	for _, w := range waiting {
		if p := w.read("GET"); p.status != 503 || p.field("Retry-After") == "" {
			t.Fatalf("%d, %v; want 503", p.status, p.head)
		}
		w.Close()
	}
	start := time.Now()
	if p := c.get("/mount/more"); p.status != 503 || time.Since(start) > time.Second {
		t.Errorf("%d after %v; want 503 at once", p.status, time.Since(start))
	}
	fs.Resume()
	eventually(t, "the file system", func() bool { return c.get("/mount/file").status == 200 })
	c.Close()
}

// A file that is read while its file system does not respond holds up no loop. The
// reply is cut off in the end.
func TestFileSystemHangsInReply(t *testing.T) {
	r, fs := hangingStage(t, httpd.Options{AnswerTimeout: 2 * time.Second})
	c := r.dial()
	c.write(request("GET", "/mount/file"))
	first := make([]byte, 1000)
	_, err := io.ReadFull(c.r, first)
	must(t, err)
	fs.Hang()
	rest := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, c.r)
		rest <- n
	}()
	<-fs.Asked()
	other := r.dial()
	if p := other.get("/doc1"); p.status != 200 {
		t.Errorf("a document: %d", p.status)
	}
	if n := await(t, rest, "the end of the reply"); int(n)+len(first) > len(kit.FuseContent) {
		t.Errorf("%d octets, want less than %d", int(n)+len(first), len(kit.FuseContent))
	}
	if p := other.get("/doc2"); p.status != 200 {
		t.Errorf("a document: %d", p.status)
	}
	other.Close()
	fs.Resume()
}

// What is read away from the loops is what was asked for.
func TestSlowFile(t *testing.T) {
	r, _ := hangingStage(t, httpd.Options{})
	c := r.dial()
	for range 2 { // a second request on the connection
		if p := c.get("/mount/file"); p.status != 200 || string(p.body) != kit.FuseContent {
			t.Errorf("%d, %d octets", p.status, len(p.body))
		}
	}
	ask := func(method, fields string) *response {
		c.write(method + " /mount/file HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n")
		return c.read(method)
	}
	if p := ask("HEAD", ""); p.status != 200 || p.field("Content-Length") != fmt.Sprint(len(kit.FuseContent)) {
		t.Errorf("HEAD: %d, %v", p.status, p.head)
	}
	if p := ask("GET", "Range: bytes=100000-300000\r\n"); p.status != 206 || string(p.body) != kit.FuseContent[100000:300001] {
		t.Errorf("a part: %d, %d octets", p.status, len(p.body))
	}
	p := ask("GET", "Range: bytes=0-99999,500000-500009\r\n")
	if p.status != 206 || !bytes.Contains(p.body, []byte(kit.FuseContent[:100000])) ||
		!bytes.Contains(p.body, []byte("\r\n\r\n"+kit.FuseContent[500000:500010]+"\r\n--")) {
		t.Errorf("two parts: %d, %d octets", p.status, len(p.body))
	}
	if p := ask("GET", "Range: bytes=9999999-\r\n"); p.status != 416 {
		t.Errorf("no part: %d", p.status)
	}
	gone := r.dial()
	gone.write(request("GET", "/mount/file"))
	_, err := gone.r.ReadByte()
	must(t, err)
	gone.Close()
	c.Close()
}
