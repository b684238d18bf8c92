package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"xanadu/ipc/addr"
	"xanadu/ipc/ready"
)

const usage = `usage: sws [-dfh] [-c dir] [-i address] [-l file] [-p port] dir

Serve the documents in dir over HTTP, as a daemon unless -d or -f is given.

  -c, --cgi dir            run CGI programs from dir (not in this version)
  -d, --debug              stay in the foreground, log to stdout, and take one
                           connection at a time
  -f, --foreground         stay in the foreground, print where it listens
  -h, --help               print this text
  -i, --address address    listen on an IPv4 or IPv6 address, the addresses of a
                           host name, or unix:/path; may be given repeatedly
                           (default: all IPv4 and IPv6 addresses)
  -l, --log file           append a line for each request to file, opened anew
                           at SIGHUP; "-" with -f is stdout
  -p, --port port          listen on this port (default: 8080; 0: any free one)
      --loops n            event loops, a thread each (default: one per core)
      --max-connections n  connections held at once
                           (default: as many as files may be open)
      --poller name        what waits: epoll, poll, pselect or select
                           (default: the best there is)
      --version            print the version
`

const (
	defaultPort = 8080 // the manual's

	// maxLoops and maxMaxConnections are beyond any machine's cores and any
	// process's descriptors (fs.nr_open is 2^20 by default): they only keep a
	// slip of the finger from being obeyed.
	maxLoops          = 1024
	maxMaxConnections = 1 << 24
)

// settings is the command line, understood. Its paths are absolute, since a
// daemon changes its working directory.
type settings struct {
	dir            string
	addresses      []addr.Addr // of -i, their ports not set; none: every address
	port           uint16
	log            string // "" for none, "-" for stdout
	debug          bool
	foreground     bool
	poller         string // "": the best
	loops          int    // 0: one per core
	maxConnections int    // 0: what the limit of open files allows
	help           bool
	version        bool
}

// A usageError is a command line that cannot be understood: exit status 2.
// Other errors of parse mean a value that can never do.
type usageError struct{ problem string }

func (e usageError) Error() string { return e.problem + "; sws -h shows the usage" }

// parse reads the command line, without the name of the command.
func parse(args []string) (*settings, error) {
	s := &settings{port: defaultPort}
	flags := s.flags()
	if err := flags.Parse(args); err != nil {
		return nil, explain(err)
	}
	switch {
	case s.help || s.version:
		return s, nil
	case flags.NArg() == 0:
		return nil, usageError{"the directory to serve is missing"}
	case flags.NArg() > 1:
		return nil, usageError{fmt.Sprintf("one directory can be served, not %q", flags.Args())}
	case s.log == "-" && !s.debug && !s.foreground:
		return nil, usageError{"-l -: a daemon has no stdout; name a file, or add -f"}
	}
	if s.debug {
		s.log = "-"
	}
	var err error
	if s.dir, err = absolute(flags.Arg(0)); err != nil {
		return nil, err
	}
	if s.log != "" && s.log != "-" {
		if s.log, err = absolute(s.log); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// flags returns the flags that usage describes; parsing them fills in s.
func (s *settings) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("sws", pflag.ContinueOnError)
	flags.Usage = func() {}
	flags.FuncP("cgi", "c", "", func(string) error {
		return usageError{"CGI programs are not supported by this version"}
	})
	flags.BoolVarP(&s.debug, "debug", "d", false, "")
	flags.BoolVarP(&s.foreground, "foreground", "f", false, "")
	flags.BoolVarP(&s.help, "help", "h", false, "")
	flags.FuncP("address", "i", "", func(text string) error {
		a, err := listenAddress(text)
		s.addresses = append(s.addresses, a)
		return err
	})
	flags.FuncP("log", "l", "", func(file string) error {
		if file == "" {
			return errors.New("name a file")
		}
		s.log = file
		return nil
	})
	flags.FuncP("port", "p", "", func(text string) (err error) {
		s.port, err = addr.ParsePort(text)
		return err
	})
	flags.Func("loops", "", counter(&s.loops, maxLoops))
	flags.Func("max-connections", "", counter(&s.maxConnections, maxMaxConnections))
	flags.Func("poller", "", func(name string) error {
		if names := ready.Names(); !slices.Contains(names, name) {
			return fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))
		}
		s.poller = name
		return nil
	})
	flags.BoolVar(&s.version, "version", false, "")
	return flags
}

// explain turns an error of pflag into ours: "-p: why its value cannot do", or
// a usageError.
func explain(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{err.Error()}
	}
	name := "--" + invalid.GetFlag().Name
	if short := invalid.GetFlag().Shorthand; short != "" {
		name = "-" + short
	}
	return fmt.Errorf("%s: %w", name, errors.Unwrap(err))
}

// counter returns a function that reads a number from 1 to limit into n.
func counter(n *int, limit int) func(string) error {
	return func(text string) error {
		count, err := strconv.ParseUint(text, 10, 32)
		if err != nil || count < 1 || count > uint64(limit) {
			return fmt.Errorf("a number from 1 to %d is wanted, not %q", limit, text)
		}
		*n = int(count)
		return nil
	}
}

// absolute is filepath.Abs, which would take "" for the working directory.
func absolute(path string) (string, error) {
	if path == "" {
		return "", usageError{"the directory to serve has an empty name"}
	}
	return filepath.Abs(path)
}
