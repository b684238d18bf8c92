//go:build unix

// Wait measures what one wait costs as the descriptors grow, with one of them
// ready: by select(2), pselect(2), poll(2) and epoll(7), through package ready.
//
//	go run ./bench/wait [-o DIR] [-most N]
//
// It prints a table and writes it to wait.md in DIR (bench/wait), with a plot of
// it in wait.svg.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wait:", err)
		os.Exit(1)
	}
}

func run(arguments []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("wait", flag.ExitOnError)
	dir := flags.String("o", filepath.Join("bench", "wait"), "write wait.md and wait.svg to `DIR`")
	most := flags.Int("most", 20_000, "descriptors at most; the limit of open files cuts it")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	room, err := openFilesLeft()
	if err != nil {
		return err
	}
	r, err := measure(counts(min(*most, room)))
	if err != nil {
		return err
	}
	table := r.markdown()
	if _, err := io.WriteString(stdout, table); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*dir, "wait.md"), []byte(table), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*dir, "wait.svg"), r.plot(), 0o644)
}

// openFilesLeft returns how many descriptors can be watched: the limit, to which
// Go has raised the soft one, less some for the program itself.
func openFilesLeft() (int, error) {
	const own = 50 // of the runtime, of pollers, and what the shell has left open
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	return int(min(uint64(limit.Cur), 1<<30)) - own, nil
}

// counts are how many descriptors are measured: 1, 2 and 5 of each power of ten
// from 10 on, and most itself.
func counts(most int) []int {
	var list []int
	for decade := 10; ; decade *= 10 {
		for _, n := range []int{decade, 2 * decade, 5 * decade} {
			if n >= most {
				return append(list, most)
			}
			list = append(list, n)
		}
	}
}
