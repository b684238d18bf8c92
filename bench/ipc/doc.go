// Package ipcbench measures what it costs two processes to talk: round trips and
// throughput of pipes, FIFOs, socketpairs, UNIX and Internet sockets, through
// packages pipe and sock, beside the same loop in C.
//
//	go test -run '^$' -bench . ./bench/ipc
//	go test -run '^$' -bench . -benchtime 60000x ./bench/ipc -table FILE     (an absolute path)
//
// It holds nothing but tests, for Linux. bench/README.md tells how to read the figures.
package ipcbench
