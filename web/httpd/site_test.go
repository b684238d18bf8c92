package httpd_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"xanadu/ipc"
	"xanadu/web"
)

// pages is a site: what answers for each path.
type pages map[string]func(r *web.Request) *web.Reply

func (s pages) Answer(r *web.Request) *web.Reply {
	page := s[string(r.Path)]
	switch {
	case page == nil:
		return web.ErrorReply(nil, 404)
	case !r.IsGet():
		return web.ErrorReply(nil, 405, web.ReplyField{Name: "Allow", Value: "GET, HEAD"})
	}
	return page(r)
}

// modified is when all documents of the test sites were.
var modified = time.Date(1994, time.November, 6, 8, 49, 37, 0, time.UTC)

// document is a reply that lacks only its content.
func document(size int) *web.Reply {
	return &web.Reply{
		Status:    200,
		Type:      "text/plain",
		ETag:      strconv.Quote(strconv.Itoa(size)),
		Modified:  modified,
		Size:      int64(size),
		Unchanged: func() web.Freshness { return web.Same },
	}
}

// memory is a document that never changes.
func memory(content string) func(*web.Request) *web.Reply {
	return func(*web.Request) *web.Reply {
		p := document(len(content))
		p.Body = []byte(content)
		return p
	}
}

// file is memory in a file.
func file(t testing.TB, content string) func(*web.Request) *web.Reply {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return open(path, len(content))
}

// open answers with the first size octets of the file at path, whether it has
// them or not.
func open(path string, size int) func(*web.Request) *web.Reply {
	return func(*web.Request) *web.Reply {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return web.ErrorReply(nil, 503)
		}
		p := document(size)
		p.File = ipc.NewFD(fd)
		return p
	}
}

// pattern is a text of n octets, 8 MiB at most, in which no two places look
// alike.
func pattern(n int) string { return longPattern()[:n] }

var longPattern = sync.OnceValue(func() string {
	const size = 8 << 20
	b := make([]byte, 0, size+8)
	for i := 0; len(b) < size; i++ {
		b = strconv.AppendInt(b, int64(i), 36)
		b = append(b, ' ')
	}
	return string(b[:size])
})

// A gate is a page that answers when it is told to.
type gate struct {
	entered chan *web.Request // one for each that asks
	answer  chan *web.Reply   // what one of them gets
}

func newGate() *gate { return &gate{make(chan *web.Request, 1024), make(chan *web.Reply, 1024)} }

func (g *gate) page(r *web.Request) *web.Reply {
	g.entered <- r
	return <-g.answer
}

// said is a reply that is not kept.
func said(content string) *web.Reply {
	return &web.Reply{Status: 200, Type: "text/plain", Body: []byte(content), Size: int64(len(content))}
}
