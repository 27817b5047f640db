package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReference holds docs/cli.md against the commands.
func TestReference(t *testing.T) {
	want, err := os.ReadFile("../../docs/cli.md")
	must(t, err)
	var got strings.Builder
	must(t, writeReference(&got, newRoot(&terminal{})))
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("docs/cli.md is not what `make generate` writes (-want +got):\n%s", diff)
	}
}
