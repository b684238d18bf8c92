package sock

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// types are the types that have names here, in the order of their numbers.
var types = []Type{SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET}

// Types returns the types that have names here.
func Types() []Type { return slices.Clone(types) }

// Domains returns the domains of this system that have names here, in the order
// of their numbers.
func Domains() []Domain { return slices.Sorted(maps.Keys(domainNames)) }

// ParseDomain reads a domain as a person types it: its name, with or without AF_
// or PF_ and in whatever case, or its number. LOCAL is POSIX's name for UNIX.
func ParseDomain(text string) (Domain, error) {
	name := strings.ToUpper(text)
	name = strings.TrimPrefix(strings.TrimPrefix(name, "AF_"), "PF_")
	if name == "LOCAL" {
		name = "UNIX"
	}
	return parse(text, "AF_"+name, Domains())
}

// ParseType reads a type: its name, with or without SOCK_ and in whatever case,
// or its number.
func ParseType(text string) (Type, error) {
	return parse(text, "SOCK_"+strings.TrimPrefix(strings.ToUpper(text), "SOCK_"), types)
}

// parse finds the one of known that has the name, or reads text as a number.
func parse[T interface {
	~int
	fmt.Stringer
}](text, name string, known []T) (T, error) {
	var names []string
	for _, v := range known {
		if v.String() == name {
			return v, nil
		}
		names = append(names, v.String())
	}
	// A C int, which may be negative, for the kernel to refuse.
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor one of %s", text, strings.Join(names, ", "))
	}
	return T(number), nil
}
