package main

import "testing"

func TestMemoryFor(t *testing.T) {
	const MiB = 1 << 20
	for _, test := range []struct {
		name   string
		chosen int64
		limit  uint64
		want   memory
	}{
		{"no limit", 0, 0, memory{22 * MiB, 0}},
		{"a choice without a limit", 1000 * MiB, 0, memory{1000 * MiB, 0}},
		{"a large group", 0, 1024 * MiB, memory{22 * MiB, 768 * MiB}},
		{"a small group", 0, 64 * MiB, memory{16 * MiB, 48 * MiB}},
		{"a choice that fits", 30 * MiB, 64 * MiB, memory{30 * MiB, 48 * MiB}},
		{"a choice that does not", 100 * MiB, 64 * MiB, memory{32 * MiB, 48 * MiB}},
		{"what cgroup v1 says for none", 0, 1<<63 - 4096, memory{22 * MiB, 0}},
	} {
		if got := memoryFor(test.chosen, test.limit); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}
