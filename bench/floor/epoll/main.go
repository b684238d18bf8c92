//go:build linux

// Epoll answers every request head with one constant: accept4(2),
// epoll_wait(2), read(2), write(2) and nothing else. No Go server on readiness
// can cost less, so it is the floor that the others are compared with.
//
//	epoll PORT FILE
//
// It is no server: it parses nothing, drops what a full socket does not take,
// and stops at the first failure.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

// A conn is a connection and what it has received of an unfinished head.
type conn struct {
	head [4096]byte
	n    int // octets in head
}

type server struct {
	epoll, listener int
	reply           []byte
	conns           []*conn // by descriptor number
	out             []byte  // the replies of one turn of one connection
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: epoll PORT FILE")
	}
	port, err := strconv.Atoi(os.Args[1])
	check(err)
	body, err := os.ReadFile(os.Args[2])
	check(err)
	runtime.LockOSThread()
	s := listen(port)
	s.reply = reply(body)
	s.serve()
}

// reply has the fields that sws sends, so that the bytes on the wire are as
// many.
func reply(body []byte) []byte {
	const date = "Sun, 22 Nov 2026 21:30:00 GMT"
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: sws\r\nDate: %s\r\nContent-Type: text/html\r\n"+
		"Last-Modified: %s\r\nETag: \"abc-400\"\r\nContent-Length: %d\r\n\r\n", date, date, len(body))
	return append([]byte(head), body...)
}

func listen(port int) *server {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	check(err)
	check(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	check(syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
	check(syscall.Listen(fd, 4096))
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	check(err)
	s := &server{epoll: epoll, listener: fd, conns: make([]*conn, 65536)}
	s.watch(fd)
	return s
}

func (s *server) watch(fd int) {
	check(syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, fd,
		&syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}))
}

func (s *server) serve() {
	events := make([]syscall.EpollEvent, 1024)
	for {
		for _, e := range events[:s.wait(events)] {
			if fd := int(e.Fd); fd == s.listener {
				s.accept()
			} else {
				s.receive(fd)
			}
		}
	}
}

// wait asks first without waiting, by a raw call that the Go scheduler does not
// notice: under load that one is enough.
func (s *server) wait(events []syscall.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(s.epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if n > 0 && errno == 0 {
		return int(n)
	}
	for {
		n, err := syscall.EpollWait(s.epoll, events, -1)
		if err != syscall.EINTR {
			check(err)
			return n
		}
	}
}

func (s *server) accept() {
	for {
		fd, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(s.listener), 0, 0,
			syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			return
		}
		check(syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
		s.watch(int(fd))
		s.conns[fd] = new(conn)
	}
}

func (s *server) receive(fd int) {
	c := s.conns[fd]
	room := c.head[c.n:]
	if len(room) == 0 {
		log.Fatal("a request head of more than 4,096 octets")
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)))
	if errno == syscall.EAGAIN {
		return
	}
	if errno != 0 || n == 0 {
		syscall.Close(fd)
		s.conns[fd] = nil
		return
	}
	c.n += int(n)
	rest := c.head[:c.n]
	s.out = s.out[:0]
	for {
		end := bytes.Index(rest, []byte("\r\n\r\n"))
		if end < 0 {
			break
		}
		rest = rest[end+4:]
		s.out = append(s.out, s.reply...)
	}
	c.n = copy(c.head[:], rest)
	if len(s.out) > 0 {
		syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&s.out[0])), uintptr(len(s.out)))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
