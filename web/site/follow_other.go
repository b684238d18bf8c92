//go:build !linux

package site

import "syscall"

// findOutside finds nothing: without O_PATH of Linux, a link cannot be opened to be
// sure of its owner.
func findOutside(*opened, string) (found, error) { return found{}, syscall.EXDEV }
