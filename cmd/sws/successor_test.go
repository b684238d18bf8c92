package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xanadu/internal/kit"
)

// While a server ends, with a long reply under way, its successor listens at the
// same address, and of the clients who keep coming none is reset: each has its
// answer from one of the two, or does not connect.
func TestSuccessor(t *testing.T) {
	const size = 64 << 20 // more than the sockets between hold
	docs := documents(t, 3)
	if err := os.WriteFile(filepath.Join(docs, "long"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(docs, "long"), size); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"127.0.0.1", "unix:"} {
		t.Run(where, func(t *testing.T) {
			if where == "unix:" {
				where += filepath.Join(kit.SocketDir(t), "s")
			}
			// A client that stands still for longer than the server waits,
			// after it has connected and before it has sent anything, may
			// rightly be reset. On a busy machine some do.
			const tries = 5
			var err error
			for range tries {
				if err = succeed(t, where, docs, size); err == nil {
					return
				}
			}
			t.Errorf("in %d tries: %v", tries, err)
		})
	}
}

func succeed(t *testing.T, where, docs string, size int64) error {
	old := foreground(t, "-i", where, docs)
	long := old.dial(t)
	reader := bufio.NewReader(long)
	io.WriteString(long, "GET /long HTTP/1.0\r\n\r\n")
	if _, err := reader.Peek(1); err != nil {
		t.Fatal(err)
	}

	// New clients keep coming until the successor has answered all.
	var clients sync.WaitGroup
	stop := make(chan struct{})
	failed := make(chan error, 64)
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := fetch(networkOf(old.at), old.at); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	defer func() {
		close(stop)
		clients.Wait()
	}()

	old.signal(t, syscall.SIGTERM)
	args := []string{"-i", where, docs}
	if _, port, err := net.SplitHostPort(old.at); err == nil {
		args = append(args, "-p", port)
	}
	var successor *command
	for deadline := time.Now().Add(3 * time.Second); ; {
		successor = &command{Cmd: sws(t, append([]string{"-f"}, args...)...)}
		successor.begin(t)
		line, _ := successor.stdout.ReadString('\n')
		if line != "" {
			successor.at = old.at
			break
		}
		successor.Wait()
		if time.Now().After(deadline) {
			t.Fatalf("no successor can listen while a reply is under way: %s", &successor.stderr)
		}
	}
	if got := successor.ask(t, "GET /file HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "xxx") {
		t.Errorf("the successor answered %q", got)
	}
	select {
	case err := <-failed:
		return err
	default:
	}

	n, err := io.Copy(io.Discard, reader)
	if n < size || err != nil {
		t.Errorf("%d octets of the long reply, %v; want more than %d and the end", n, err, size)
	}
	long.Close()
	old.end(t, 0, "")
	successor.signal(t, syscall.SIGTERM)
	return nil
}

// fetch asks for a document on a connection of its own. Not to be connected is
// no error.
func fetch(network, at string) error {
	conn, err := net.Dial(network, at)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hangs))
	if _, err := io.WriteString(conn, "GET /file HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !strings.HasSuffix(string(answer), "\r\n\r\nxxx") {
		err = fmt.Errorf("the answer is %q", answer)
	}
	return err
}
