// Package sys is the cellar: system calls that neither block nor wake the Go
// scheduler, calls that golang.org/x/sys has no wrapper for, and with them all
// of the module's unsafe. Each function is one call, named after it, on borrowed
// descriptor numbers; EINTR is retried here. Above it everything is ordinary Go.
//
// Calls on the hot path return a syscall.Errno, 0 for success, so that nothing
// is allocated and the caller decides what is worth an error's text.
package sys
