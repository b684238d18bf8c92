//go:build unix && !linux

package examples

import "testing"

func testInternet(t *testing.T, bin string) {
	t.Skip("only Linux has network namespaces")
}
