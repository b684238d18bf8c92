package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// maxListed is how many arguments a message names: of a pattern that the shell
// has expanded these are enough to see what it was.
const maxListed = 3

// explain makes an error of pflag, in the parsing of args, a usageError that says
// what to do. An error of the system, as when the working directory is gone, is
// no usageError: another command line would not help.
func explain(err error, flags *pflag.FlagSet, args []string) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(unknown, flags, args)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		f := missing.GetFlag()
		operand, _ := describe(f)
		return misuse(fmt.Sprintf("%s: the value is missing, as in %[1]s %s", shownAs(f), operand))
	}
	if syntax, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return misuse("unknown option " + syntax.GetSpecifiedFlag())
	}
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return misuse(err.Error())
	}
	f, cause := invalid.GetFlag(), errors.Unwrap(err)
	if call, ok := errors.AsType[*os.SyscallError](cause); ok {
		return fmt.Errorf("%s: %w", shownAs(f), call)
	}
	if f.NoOptDefVal != "" {
		cause = fmt.Errorf("no value is wanted, not %q", invalid.GetValue())
	}
	return usageError{fmt.Sprintf("%s: %v%s", shownAs(f), cause, meant(oneHyphen(flags, args)))}
}

// unknownFlag says which option there is not, and which one may have been meant.
func unknownFlag(unknown *pflag.NotExistError, flags *pflag.FlagSet, args []string) error {
	long, short := flagNames(flags)
	name := "--" + unknown.GetSpecifiedName()
	var near string
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		_, size := utf8.DecodeRuneInString(letters) // pflag cuts after an octet
		name = "-" + letters[:size]
		near = wordWith(letters, long, args)
	} else {
		near = nearest(unknown.GetSpecifiedName(), long)
	}
	if near != "" {
		near = "--" + near
	} else if letter := nearest(strings.TrimLeft(name, "-"), short); letter != "" {
		near = "-" + letter
	}
	if near == "" {
		return misuse("unknown option " + name)
	}
	return usageError{"unknown option " + name + meant(near)}
}

// passedOver returns the option of "go test" in args, "" without one: pflag takes
// no notice of them.
func passedOver(args []string) string {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "-test.") {
			return arg
		}
	}
	return ""
}

// tooMany says that there is more than one directory, which a value may be whose
// option was given with one hyphen.
func tooMany(flags *pflag.FlagSet, args []string) error {
	problem := "one directory or file can be served, not " + listed(flags.Args())
	if name := oneHyphen(flags, args); name != "" {
		return usageError{problem + meant(name)}
	}
	return misuse(problem)
}

// wordWith returns the long option that is nearest to the argument of which
// letters is the end, "" where that is a single letter.
func wordWith(letters string, long, args []string) string {
	for _, arg := range args {
		word, ok := strings.CutPrefix(arg, "-")
		if !ok || !strings.HasSuffix(word, letters) || strings.HasPrefix(word, "-") {
			continue
		}
		if word, _, _ = strings.Cut(word, "="); len(word) > 1 {
			return nearest(word, long)
		}
	}
	return ""
}

// oneHyphen returns the option that was given with one hyphen, as -port for
// --port, which is -p with the value "ort". It returns "" where there is none.
func oneHyphen(flags *pflag.FlagSet, args []string) string {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		word, ok := strings.CutPrefix(arg, "-")
		if word, _, _ = strings.Cut(word, "="); ok && len(word) > 1 && flags.Lookup(word) != nil {
			return "--" + word
		}
	}
	return ""
}

// flagNames returns the long names of all flags, and the letters of those that
// have one.
func flagNames(flags *pflag.FlagSet) (long, short []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		long = append(long, f.Name)
		if f.Shorthand != "" {
			short = append(short, f.Shorthand)
		}
	})
	return long, short
}

// shownAs is how messages name a flag: by its letter, if it has one.
func shownAs(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

// listed names two arguments and more, in quotes.
func listed(args []string) string {
	quoted := make([]string, min(len(args), maxListed))
	for i := range quoted {
		quoted[i] = strconv.Quote(args[i])
	}
	last := len(quoted) - 1
	if more := len(args) - len(quoted); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(quoted, ", "), more)
	}
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}
