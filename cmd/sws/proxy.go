package main

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os/user"
	"strconv"

	"xanadu/ipc/addr"
	"xanadu/ipc/sock"
	"xanadu/web"
)

// socketMode returns a function that reads an operand of --socket-mode into mode:
// permissions in octal.
func socketMode(mode *fs.FileMode) func(text string) error {
	return func(text string) error {
		bits, err := strconv.ParseUint(text, 8, 32)
		if err != nil || bits == 0 || bits > uint64(fs.ModePerm) {
			return fmt.Errorf("permissions in octal as 0660 are wanted, not %q", text)
		}
		*mode = fs.FileMode(bits)
		return nil
	}
}

// socketGroup returns a function that reads an operand of --socket-group into
// owner: the name of a group, or its number.
func socketGroup(owner **sock.Owner) func(text string) error {
	return func(text string) error {
		number := text
		if g, err := user.LookupGroup(text); err == nil {
			number = g.Gid
		}
		// The greatest stands for none (chown(2)).
		gid, err := strconv.ParseUint(number, 10, 32)
		if err != nil || gid == 1<<32-1 {
			return fmt.Errorf("no group is called %q; give the name of a group of this host, or a number", text)
		}
		*owner = &sock.Owner{UID: -1, GID: int(gid)}
		return nil
	}
}

// hasSocketFile reports whether one of the addresses is a path.
func hasSocketFile(addresses []addr.Addr) bool {
	for _, a := range addresses {
		if a.Path() != "" {
			return true
		}
	}
	return false
}

// addProxy reads an operand of --trust-proxy into p: "unix", an IP address, or a
// prefix of addresses.
func addProxy(p *web.Proxies, text string) error {
	if text == "unix" {
		p.Unix = true
		return nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(text); err == nil && a.Zone() == "" {
			prefix = netip.PrefixFrom(a, a.BitLen())
		}
	}
	// Peers whose IPv4 address comes in IPv6 are compared as IPv4.
	if a := prefix.Addr(); a.Is4In6() {
		prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
	}
	if !prefix.IsValid() {
		return fmt.Errorf("unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not %q%s", text, didYouMean(text, "unix"))
	}
	p.Prefixes = append(p.Prefixes, prefix.Masked())
	return nil
}
