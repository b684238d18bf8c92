package cgi_test

import (
	"fmt"
	"net/netip"
	"strings"

	"xanadu/web"
	"xanadu/web/cgi"
)

// What a program is told of a request.
func ExampleGateway_Environment() {
	r := &web.Request{
		Method: []byte("GET"), Path: []byte("/cgi-bin/search/books"), Query: []byte("q=xanadu"), Host: []byte("library.example"),
		Minor: 1,
		Fields: []web.Field{
			{Name: []byte("Accept-Language"), Value: []byte("en")},
			{Name: []byte("Proxy"), Value: []byte("http://evil.example")},
		},
		Peer: netip.MustParseAddrPort("192.0.2.7:50000"),
	}
	p := &web.Program{Name: "search", Script: "/cgi-bin/search", Info: "/books", Translated: "/srv/books"}
	env, err := new(cgi.Gateway).Environment(r, p, netip.MustParseAddrPort("192.0.2.1:80"), -1)
	if err != nil {
		panic(err)
	}
	for _, variable := range env {
		if strings.HasPrefix(variable, "HTTP_") || strings.HasPrefix(variable, "PATH_INFO") || strings.HasPrefix(variable, "QUERY") {
			fmt.Println(variable)
		}
	}
	// Output:
	// QUERY_STRING=q=xanadu
	// PATH_INFO=/books
	// HTTP_HOST=library.example
	// HTTP_ACCEPT_LANGUAGE=en
}

// What a program says before its content.
func ExampleParseHead() {
	output := "Content-Type: text/plain\nStatus: 404 Not Here\n\nnothing\n"
	head, n, err := cgi.ParseHead([]byte(output))
	fmt.Println(head.Status, head.Type, err)
	fmt.Print(output[n:])
	// Output:
	// 404 text/plain <nil>
	// nothing
}
