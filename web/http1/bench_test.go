package http1

import (
	"strings"
	"testing"

	"xanadu/web"
)

// The heads that the benchmarks read: what a load generator sends, and what a
// browser does.
const (
	shortHead   = "GET /1k.html HTTP/1.1\r\nHost: 127.0.0.1:9107\r\n\r\n"
	browserHead = "GET /articles/2024/pipes.html?from=feed HTTP/1.1\r\n" +
		"Host: www.example.org\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Connection: keep-alive\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"If-None-Match: \"5f3c-18a2b\"\r\n" +
		"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
		"Priority: u=0, i\r\n" +
		"\r\n"
)

func BenchmarkParseHead(b *testing.B) {
	for _, bench := range []struct{ name, head string }{
		{"short", shortHead},
		{"browser", browserHead},
		{"pipelined", strings.Repeat(shortHead, 2) + "GET"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			head := []byte(bench.head)
			r := &web.Request{Fields: make([]web.Field, 0, 32)}
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseHead(r, head); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseHeadMore is what one more octet costs that a slow client adds
// to a head that is as long as it may be.
func BenchmarkParseHeadMore(b *testing.B) {
	head := []byte("GET / HTTP/1.1\r\n" + strings.Repeat("name: "+strings.Repeat("v", 500)+"\r\n", 60))
	r := new(web.Request)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHead(r, head); err != ErrMore {
			b.Fatal(err)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	content := []byte(strings.Repeat("100\r\n"+strings.Repeat("x", 256)+"\r\n", 64) + EndChunks)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		var c Chunked
		for rest := content; len(rest) > 0; {
			_, n, _ := c.Next(rest)
			rest = rest[n:]
		}
	}
}

func BenchmarkAppendHead(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendStatusLine(dst[:0], 200)
		dst = AppendField(dst, "Content-Type", "text/html; charset=utf-8")
		dst = AppendIntField(dst, "Content-Length", 1024)
		dst = append(dst, EndHead...)
	}
}
