package httpd_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"xanadu/internal/kit"
	"xanadu/web/httpd"
)

// TestProgramSoak starts programs of every kind that misbehaves, for clients of
// every kind that does, and counts what is left: processes, what the server holds
// for them, and places among the programs. The kit's Main sees what else is.
func TestProgramSoak(t *testing.T) {
	t.Parallel()
	rounds := 14 // of every program for every client: 2,000 and more
	if testing.Short() || kit.Race {
		rounds = 3
	}
	scripts := map[string]string{
		"fine":      plainHead + `echo fine`,
		"reads":     `cat >/dev/null; ` + plainHead,
		"nothing":   `exit 0`,
		"fails":     `exit 3`,
		"crashes":   `kill -SEGV $$`,
		"cut":       plainHead + `echo x; kill -KILL $$`,
		"babbles":   `echo no head`,
		"endless":   plainHead + `yes`,
		"headless":  `yes X: y`,
		"silent":    `sleep 1000`,
		"never":     `printf 'Content-'; exec sleep 1000`,
		"stubborn":  `trap '' TERM HUP INT; sleep 1000; sleep 1001`,
		"parents":   `sleep 1000 & sleep 1001 & sleep 1002`,
		"orphans":   plainHead + `sleep 1000 & exit 0`,
		"detached":  plainHead + `sleep 2 >/dev/null 2>&1 & exit 0`, // lives on,
		"mute":      plainHead + `exec >&-; sleep 1000`,
		"blind":     `exec <&- >&- 2>&-; sleep 1000`,
		"laments":   `yes lament | head -c 500000 >&2; sleep 1000`,
		"short":     `printf 'Content-Type: a/b\nContent-Length: 9\n\nshort'`,
		"long":      `printf 'Content-Type: a/b\nContent-Length: 2\n\nlong'; yes`,
		"circle":    `printf 'Location: /cgi-bin/circle\n\n'`,
		"nph-raw":   `printf 'HTTP/1.1 200 OK\r\n\r\n'; exec sleep 1000`,
		"broken":    "#!/no/such/interpreter\n",
		"forks":     `(trap '' TERM; sleep 1000) & (trap '' TERM; sleep 1000) & wait`,
		"suspended": `kill -STOP $$`,
	}
	var names []string
	for name := range scripts {
		names = append(names, name)
	}
	const atOnce = 64
	s := play(t, scripts, httpd.Options{
		Loops:          2,
		ContentTimeout: short,
		ReplyTimeout:   short,
		Programs: &httpd.ProgramOptions{
			AtOnce: atOnce, Wait: 2 * time.Second, Silence: short, Grace: short, MaxOutput: 1 << 20,
		},
	})
	todo := make(chan int)
	var clients sync.WaitGroup
	for range 2 * atOnce {
		clients.Go(func() {
			for i := range todo {
				misbehave(s, names[i%len(names)], i/len(names)%ways)
			}
		})
	}
	for i := range rounds * ways * len(names) {
		todo <- i
	}
	close(todo)
	clients.Wait()
	s.wantNone()

	inTime(t, func() error {
		if n := httpd.Held(s.Server); n > 0 {
			return fmt.Errorf("%d things are held for nobody", n)
		}
		return nil
	})
	if n := httpd.FreePlaces(s.Server); n != atOnce {
		t.Errorf("%d of %d places are free", n, atOnce)
	}
}

// ways is how many ways there are to misbehave.
const ways = 6

// misbehave asks for a program in one of several ways.
func misbehave(s *stage, name string, way int) {
	conn, err := net.Dial("tcp", s.at.AddrPort().String())
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	target := "/cgi-bin/" + name
	switch way {
	case 0: // reads to the end
		io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	case 1: // has content in chunks, and ends its side
		io.WriteString(conn, "POST "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"+inChunks(strings.Repeat("x", 100_000), 7000))
		conn.(*net.TCPConn).CloseWrite()
	case 2: // has much content
		go io.WriteString(conn, "POST "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"+strings.Repeat("x", 300_000))
	case 3: // promises more than it has
		io.WriteString(conn, "POST "+target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 300000\r\n\r\nshort")
	case 4: // goes away at once
		io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
		return
	case 5: // goes away in the middle, with a reset
		io.WriteString(conn, "POST "+target+" HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n")
		conn.Read(make([]byte, 1))
		io.WriteString(conn, "hello")
		conn.(*net.TCPConn).SetLinger(0)
		return
	}
	io.Copy(io.Discard, conn)
}
