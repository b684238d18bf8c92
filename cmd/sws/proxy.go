package main

import (
	"fmt"
	"net/netip"

	"xanadu/web"
)

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
		return fmt.Errorf("unix, an IP address or a prefix as 10.0.0.0/8 is wanted, not %q", text)
	}
	p.Prefixes = append(p.Prefixes, prefix.Masked())
	return nil
}
