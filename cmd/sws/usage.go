package main

import (
	"strings"

	"github.com/spf13/pflag"
)

const synopsis = `usage: sws [-dfh] [-c dir] [-i address] [-l file] [-p port] [dir | file]

Serve the documents in dir, the working directory without one, or a single file
over HTTP, as a daemon unless -d or -f is given.
`

const (
	usageWidth  = 80 // columns of a terminal
	usageIndent = 27 // of them in front of what a flag does
)

// usage is the text of -h: the synopsis and all flags, by groups.
func usage() string {
	var b strings.Builder
	b.WriteString(synopsis)
	for _, g := range new(settings).groups() {
		b.WriteString("\n" + g.title + ":\n")
		g.flags.VisitAll(func(f *pflag.Flag) { writeUsage(&b, f) })
	}
	return b.String()
}

// writeUsage writes the lines of one flag.
func writeUsage(b *strings.Builder, f *pflag.Flag) {
	operand, does := describe(f)
	line := "      --" + f.Name
	if f.Shorthand != "" {
		line = "  -" + f.Shorthand + ", --" + f.Name
	}
	if operand != "" {
		line += " " + operand
	}
	line += strings.Repeat(" ", max(2, usageIndent-len(line)))
	for word := range strings.FieldsSeq(does) {
		if len(line)+len(word) > usageWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", usageIndent)
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// describe returns the name of a flag's operand, "" when it takes none, and what
// the flag does.
func describe(f *pflag.Flag) (operand, does string) {
	_, after, ok := strings.Cut(f.Usage, "`")
	if ok {
		operand, _, _ = strings.Cut(after, "`")
	}
	return operand, strings.ReplaceAll(f.Usage, "`", "")
}
