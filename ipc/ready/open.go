package ready

import (
	"errors"
	"fmt"
	"strings"
)

// A backend is one way to wait, as the table backends lists them.
type backend struct {
	name string
	open func() (Poller, error)
}

// Open makes the poller of that name; "" names the best this system has. The
// caller owns it and closes it. A name that is not among Names is
// errors.ErrUnsupported.
func Open(name string) (Poller, error) {
	if name == "" {
		name = backends[0].name
	}
	for _, b := range backends {
		if b.name != name {
			continue
		}
		p, err := b.open()
		if err != nil {
			return nil, fmt.Errorf("open poller %s: %w", name, err)
		}
		return p, nil
	}
	return nil, fmt.Errorf("open poller %q: this system has %s: %w", name, strings.Join(Names(), ", "), errors.ErrUnsupported)
}

// Names returns the pollers that this system has, best first.
func Names() []string {
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = b.name
	}
	return names
}
