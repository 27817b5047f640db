package main

import (
	"strings"
	"sync"
	"testing"
)

// TestKeysRacedByName: whoever rotates the keys at the same moment as another is told
// so, in words about keys, and what to do: they named no version that could be old.
func TestKeysRacedByName(t *testing.T) {
	a := administer(t)
	const rounds, calls = 50, 8
	for range rounds {
		out := make([]answer, calls)
		var all sync.WaitGroup
		for i := range out {
			all.Go(func() {
				out[i] = a.call("operator", "KeyService/RotateKeys", []byte(`{"project_id":"alpha","alg":"ES256","force":true}`))
			})
		}
		all.Wait()
		won, lost := 0, 0
		for _, o := range out {
			switch {
			case o.Code == "":
				won++
			case o.Code == "aborted" && strings.Contains(o.Message, "rotated by another at the same moment: list them") && strings.Contains(o.body, "CHANGED_MEANWHILE"):
				lost++
			default:
				t.Fatalf("%s", o.body)
			}
		}
		if won == 0 {
			t.Fatal("nobody rotated")
		}
		if lost > 0 {
			return
		}
	}
	t.Errorf("in %d rounds of %d calls none was at the same moment as another", rounds, calls)
}
