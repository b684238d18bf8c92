// Package ipcbench measures what it costs two processes to talk: round trips and
// throughput of pipes, FIFOs, socketpairs, UNIX and Internet sockets, through
// packages pipe and sock, beside the same loop in C.
//
//	go test -bench . ./bench/ipc
//	go test -bench . -benchtime 60000x ./bench/ipc -table FILE     (an absolute path)
//
// It holds nothing but tests. bench/README.md tells how to read the figures.
package ipcbench
