package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// shells are those that sws can complete its own command line in. The texts are
// made of the flags, so that they know every one, and printed rather than
// installed: "sws --completion bash" can be evaluated, or kept in a file, where
// there is nothing but the command.
var shells = []struct {
	name  string
	print func(*pflag.FlagSet) string
}{
	{"bash", bashCompletion},
	{"zsh", zshCompletion},
	{"fish", fishCompletion},
}

func shellNames() []string {
	names := make([]string, len(shells))
	for i, sh := range shells {
		names[i] = sh.name
	}
	return names
}

// completion returns what the shell of that name evaluates to complete the
// command lines of sws.
func completion(shell string) string {
	for _, sh := range shells {
		if sh.name == shell {
			return sh.print(new(settings).flags())
		}
	}
	panic("sws: completion for " + shell)
}

// bashCompletion needs nothing but bash 3.2. Bash takes the "=" of --flag=value
// for a word of its own, and the ":" of unix:/path.
func bashCompletion(flags *pflag.FlagSet) string {
	var names, cases strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		fmt.Fprintf(&names, " --%s", f.Name)
		pattern := "--" + f.Name
		if f.Shorthand != "" {
			fmt.Fprintf(&names, " -%s", f.Shorthand)
			pattern += "|-" + f.Shorthand
		}
		var reply string
		switch operand, _ := describe(f); {
		case operand == "":
			return
		case operand == "dir":
			reply = `_sws_paths -d "$word"`
		case operand == "file":
			reply = `_sws_paths -f "$word"`
		case f.Annotations[choices] != nil:
			reply = fmt.Sprintf(`COMPREPLY=($(compgen -W '%s' -- "$word"))`, strings.Join(f.Annotations[choices], " "))
		default:
			reply = "COMPREPLY=()"
		}
		fmt.Fprintf(&cases, "\t%s) %s ;;\n", pattern, reply)
	})
	alone, valued, long := byValue(flags)
	return `# bash completion for sws: eval "$(sws --completion bash)"
_sws_paths() {
	local path
	compopt -o filenames 2>/dev/null
	while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$2")
}
_sws() {
	local word=${COMP_WORDS[COMP_CWORD]} before flag= only= dir= i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		before=${COMP_WORDS[i]}
		if [[ $before == [=:] ]]; then
			if ((++i < COMP_CWORD)); then
				flag=
				continue
			fi
			[[ $before == = && $flag ]] || return 0
			break
		fi
		if [[ $flag ]]; then
			flag=
		elif [[ $only || $before == - || $before != -* ]]; then
			dir=$before
		elif [[ $before == -- ]]; then
			only=yes
		elif [[ $before =~ ^-[` + alone + `]*([` + valued + `])$ ]]; then
			flag=-${BASH_REMATCH[1]}
		else
			case $before in
			--` + strings.Join(long, " | --") + `) flag=$before ;;
			esac
		fi
	done
	if [[ $word == [=:] ]]; then
		[[ $word == = && $flag ]] || return 0
		word=
	fi
	case $flag in
` + cases.String() + `	*)
		if [[ ! $only && $word == -* ]]; then
			COMPREPLY=($(compgen -W '` + strings.TrimSpace(names.String()) + `' -- "$word"))
		elif [[ ! $dir ]]; then
			_sws_paths -f "$word"
		fi
		;;
	esac
}
complete -F _sws sws
`
}

// byValue returns the letters of the flags that take no value, the letters of
// those that take one, and the long names of these.
func byValue(flags *pflag.FlagSet) (alone, valued string, long []string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if operand, _ := describe(f); operand == "" {
			alone += f.Shorthand
			return
		}
		valued += f.Shorthand
		long = append(long, f.Name)
	})
	return alone, valued, long
}

// zshCompletion describes the flags to _arguments (zshcompsys(1)). It works as a
// file _sws in a directory of $fpath as well as evaluated.
func zshCompletion(flags *pflag.FlagSet) string {
	var specs strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		operand, does := describe(f)
		spec := "[" + quoteFor(`[]:\`, does) + "]"
		short, long := "-"+f.Shorthand, "--"+f.Name
		before := ""
		if _, again := f.Annotations[repeats]; again {
			before = "*"
		} else if f.Shorthand != "" {
			before = fmt.Sprintf("(%s %s)", short, long) // one excludes the other
		}
		if operand != "" {
			short, long = short+"+", long+"="
			spec += ":" + operand + ":" + zshAction(f, operand)
		}
		if f.Shorthand != "" {
			fmt.Fprintf(&specs, "\t\t%s \\\n", singleQuoted(before+short+spec))
		}
		fmt.Fprintf(&specs, "\t\t%s \\\n", singleQuoted(before+long+spec))
	})
	return `#compdef sws
# zsh completion for sws: eval "$(sws --completion zsh)"
_sws() {
	_arguments -s -S \
` + specs.String() + `		':directory or file:_files'
}
if [[ $funcstack[1] == _sws ]]; then
	_sws "$@"
elif (( $+functions[compdef] )); then
	compdef _sws sws
else
	print -ru2 'sws: completion is off in this shell; put "autoload -Uz compinit && compinit" before this line of ~/.zshrc'
	false
fi
`
}

func zshAction(f *pflag.Flag, operand string) string {
	switch {
	case operand == "dir":
		return "_files -/"
	case operand == "file":
		return "_files"
	case f.Annotations[choices] != nil:
		return "(" + strings.Join(f.Annotations[choices], " ") + ")"
	}
	return " "
}

// fishCompletion has a line for each flag (complete(1)), and a function that tells
// whether the directory is already there.
func fishCompletion(flags *pflag.FlagSet) string {
	var b strings.Builder
	alone, valued, long := byValue(flags)
	b.WriteString(`# fish completion for sws: sws --completion fish | source
function __sws_has_dir
	set -l flag
	set -l only
	set -l words (commandline -opc)
	for word in $words[2..-1]
		if test -n "$flag"
			set flag
		else if test -n "$only"; or test "$word" = -; or not string match -q -- '-*' $word
			return 0
		else if test "$word" = --
			set only yes
		else if string match -qr -- '^-[` + alone + `]*[` + valued + `]$' $word; or contains -- $word --` + strings.Join(long, " --") + `
			set flag $word
		end
	end
	return 1
end
complete -c sws -f
complete -c sws -n 'not __sws_has_dir' -a '(__fish_complete_path)'
`)
	flags.VisitAll(func(f *pflag.Flag) {
		operand, does := describe(f)
		b.WriteString("complete -c sws")
		if f.Shorthand != "" {
			fmt.Fprintf(&b, " -s %s", f.Shorthand)
		}
		fmt.Fprintf(&b, " -l %s", f.Name)
		switch {
		case operand == "":
		case operand == "dir":
			b.WriteString(" -x -a '(__fish_complete_directories)'")
		case operand == "file":
			b.WriteString(" -r -F")
		case f.Annotations[choices] != nil:
			fmt.Fprintf(&b, " -x -a '%s'", strings.Join(f.Annotations[choices], " "))
		default:
			b.WriteString(" -x")
		}
		fmt.Fprintf(&b, " -d '%s'\n", quoteFor(`'\`, does))
	})
	return b.String()
}

// quoteFor puts a backslash before each of the special characters in text.
func quoteFor(special, text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune(special, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// singleQuoted quotes text for a POSIX shell.
func singleQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
