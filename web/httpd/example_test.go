package httpd_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"xanadu/ipc"
	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
	"xanadu/web"
	"xanadu/web/httpd"
)

// A Site is anything that answers.
type echo struct{}

func (echo) Answer(r *web.Request) *web.Reply {
	body := []byte("you asked for " + string(r.Path) + "\n")
	return &web.Reply{Status: 200, Type: "text/plain", Body: body, Size: int64(len(body))}
}

func Example() {
	listener, err := sock.Listen(addr.MustParse("tcp:127.0.0.1:0"), nil)
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	server, err := httpd.New(echo{}, []*ipc.FD{listener.FD()}, nil)
	if err != nil {
		panic(err)
	}
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- server.Serve(ctx) }()

	fd, err := sock.Connect(listener.Addr(), nil)
	if err != nil {
		panic(err)
	}
	client := os.NewFile(uintptr(fd.Disown()), "client")
	defer client.Close()
	fmt.Fprint(client, "GET /xanadu HTTP/1.0\r\n\r\n")
	reply, _ := io.ReadAll(client)
	_, content, _ := strings.Cut(string(reply), "\r\n\r\n")
	fmt.Print(content)

	end()
	fmt.Println(<-served)
	// Output:
	// you asked for /xanadu
	// <nil>
}
