package http1_test

import (
	"errors"
	"fmt"
	"io"
	"time"

	"xanadu/web"
	"xanadu/web/http1"
)

// A server hands over what it has received so far until a head is complete.
func ExampleParseHead() {
	received := []byte("GET /kubla?khan HTTP/1.1\r\nHost: xanadu.example\r\n")
	var r web.Request
	_, err := http1.ParseHead(&r, received)
	fmt.Println(err)

	received = append(received, "Connection: close\r\n\r\n"...)
	n, err := http1.ParseHead(&r, received)
	fmt.Println(n, err)
	fmt.Printf("%s %s %s %s %v\n", r.Method, r.Path, r.Query, r.Host, r.KeepAlive)
	// Output:
	// the message is not complete
	// 69 <nil>
	// GET /kubla khan xanadu.example false
}

// What must be refused says with which status.
func ExampleError() {
	_, err := http1.ParseHead(new(web.Request), []byte("GET / HTTP/1.1\r\n\r\n"))
	if refusal, ok := errors.AsType[*http1.Error](err); ok {
		head := http1.AppendStatusLine(nil, refusal.Status)
		head = http1.AppendField(head, "Connection", "close")
		head = append(head, http1.EndHead...)
		fmt.Printf("%q, since there is %s\n", head, refusal.Reason)
	}
	// Output:
	// "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", since there is no field Host
}

// Content comes in pieces that know nothing of chunks.
func ExampleChunked() {
	var c http1.Chunked
	for _, piece := range []string{"9\r\nIn Xan", "adu\r\n4\r\n did\r", "\n0\r\n\r\nGET"} {
		for b := []byte(piece); len(b) > 0; {
			data, n, err := c.Next(b)
			fmt.Printf("%s", data)
			b = b[n:]
			if err == io.EOF {
				fmt.Printf("\nthen %q\n", b)
				return
			}
			if err != nil {
				fmt.Println(err)
				return
			}
		}
	}
	// Output:
	// In Xanadu did
	// then "GET"
}

func ExampleAppendStatusLine() {
	head := http1.AppendStatusLine(nil, 304)
	head = http1.AppendDateField(head, "Last-Modified", time.Unix(784111777, 0))
	head = append(head, http1.EndHead...)
	fmt.Printf("%q\n", head)
	// Output:
	// "HTTP/1.1 304 Not Modified\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
}
