//go:build !linux

package main

import "syscall"

// hasOpen reports true: it is not known which files a process has open.
func hasOpen(int, *syscall.Stat_t) bool { return true }
