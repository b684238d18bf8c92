package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"xanadu/ipc/addr"
)

func TestResolve(t *testing.T) {
	hosts := map[string][]netip.Addr{
		"both.test": {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")},
		"four.test": {netip.MustParseAddr("::ffff:127.0.0.1")},
	}
	find := func(_ context.Context, network, host string) ([]netip.Addr, error) {
		switch found, ok := hosts[host]; {
		case ok:
			return found, nil
		case host == "slow.test":
			return nil, &net.DNSError{Err: "i/o timeout", Name: host, Server: "192.0.2.1:53", IsTimeout: true}
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, c := range []struct {
		name string
		give []string
		want []string
		err  string
	}{
		{"none is every address", nil, []string{"tcp:*:0"}, ""},
		{"addresses stay", []string{"::1", "127.0.0.1", "unix:/s", "unix:@s"},
			[]string{"tcp:[::1]:0", "tcp:127.0.0.1:0", "unix:/s", "unix:@s"}, ""},
		{"a name has several", []string{"both.test"}, []string{"tcp:127.0.0.1:0", "tcp:[::1]:0"}, ""},
		{"each once", []string{"127.0.0.1", "both.test", "four.test", "127.0.0.1"},
			[]string{"tcp:127.0.0.1:0", "tcp:[::1]:0"}, ""},
		{"no such host", []string{"nowhere.test"}, nil,
			"-i nowhere.test: no such host; give an address, or a name that has one"},
		{"no answer", []string{"slow.test"}, nil,
			"-i slow.test: the name cannot be resolved: i/o timeout; give an address, or a name that has one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var give []addr.Addr
			for _, text := range c.give {
				a, err := listenAddress(text)
				if err != nil {
					t.Fatal(err)
				}
				give = append(give, a)
			}
			targets, err := resolve(t.Context(), give, find)
			if got := fmt.Sprint(err); err != nil && got != c.err || err == nil && c.err != "" {
				t.Errorf("got error %v, want %s", err, c.err)
			}
			var got []string
			for _, t := range targets {
				got = append(got, t.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestURLs(t *testing.T) {
	var here []netip.Addr
	for _, a := range []string{"127.0.0.1", "::1", "192.0.2.7", "fd00::7", "fe80::7%eth0"} {
		here = append(here, netip.MustParseAddr(a))
	}
	for _, c := range []struct {
		addr string
		want []string
	}{
		{"127.0.0.1:80", []string{"http://127.0.0.1:80/"}},
		{"[::1]:8080", []string{"http://[::1]:8080/"}},
		{"[fe80::1%eth0]:8080", []string{"http://[fe80::1%25eth0]:8080/"}},
		{"0.0.0.0:8080", []string{"http://127.0.0.1:8080/", "http://192.0.2.7:8080/"}},
		{"[::]:8080", []string{"http://[::1]:8080/", "http://[fd00::7]:8080/", "http://[fe80::7%25eth0]:8080/"}},
		{"*:8080", []string{"http://127.0.0.1:8080/", "http://[::1]:8080/",
			"http://192.0.2.7:8080/", "http://[fd00::7]:8080/", "http://[fe80::7%25eth0]:8080/"}},
		{"unix:/run/sws.sock", []string{"unix:/run/sws.sock"}},
		{"unix:@sws", []string{"unix:@sws"}},
	} {
		if got := urlsOf(addr.MustParse(c.addr), here); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.addr, got, c.want)
		}
	}
}

// One port for all addresses, also when the kernel chooses it.
func TestListenOnOnePort(t *testing.T) {
	s, err := listenAt([]target{
		{Addr: addr.MustParse("127.0.0.1:0")},
		{Addr: addr.MustParse("127.0.0.2:0")},
	}, 0, nil)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("this system has no 127.0.0.2")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	first, second := s[0].Addr().Port(), s[1].Addr().Port()
	if first == 0 || first != second {
		t.Errorf("ports %d and %d, want one", first, second)
	}
}

// Of a name's addresses the host may lack some, but not all.
func TestListenOnName(t *testing.T) {
	here, gone := addr.MustParse("127.0.0.1:0"), addr.MustParse("192.0.2.1:0")
	s, err := listenAt([]target{{gone, "name"}, {here, "name"}}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s) != 1 || s[0].Addr().AddrPort().Addr() != here.AddrPort().Addr() {
		t.Errorf("got %v", s.urls(nil))
	}
	s.close()
	for name, targets := range map[string][]target{
		"only address of a name": {{here, ""}, {gone, "name"}},
		"address by itself":      {{here, ""}, {gone, ""}},
	} {
		s, err := listenAt(targets, 0, nil)
		if !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Errorf("%s: got %v, want EADDRNOTAVAIL", name, err)
			s.close()
		}
	}
}
