package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// defaultCacheSize is the cache of a server whose memory nobody limits.
	defaultCacheSize = 22 << 20

	// minCacheSize is what a few documents need.
	minCacheSize = 64 << 10

	// gcPercent is how much garbage there may be for each 100 octets in use.
	// A server that answers from its cache makes hardly any, so that to collect
	// it early costs little and keeps the process small.
	gcPercent = 30
)

// memory is how much of it the server uses.
type memory struct {
	cache int64 // octets for documents
	limit int64 // octets that the runtime tries to stay below; 0: none
}

// memoryFor returns how a server uses memory of which limit octets can be had, 0
// where there is no limit. A cache that was chosen may take half of it, another
// one a quarter: programs, connections and the system's own buffers need the
// rest.
func memoryFor(chosen int64, limit uint64) memory {
	m := memory{cache: chosen}
	if chosen == 0 {
		m.cache = defaultCacheSize
	}
	if limit == 0 || limit > maxSize {
		return m
	}
	m.limit = int64(limit) / 4 * 3
	if chosen == 0 {
		m.cache = min(m.cache, int64(limit)/4)
	} else {
		m.cache = min(m.cache, int64(limit)/2)
	}
	return m
}

// limitOfGroup returns the memory that the control group of the process and those
// above it leave to it (cgroups(7), memory.max); 0 where nothing is limited.
func limitOfGroup() uint64 {
	limit, err := memlimit.FromCgroup()
	if err != nil {
		return 0
	}
	return limit
}

// apply has the runtime keep to m. What the environment says goes before it.
func (m memory) apply() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" && m.limit > 0 {
		debug.SetMemoryLimit(m.limit)
	}
}
