package storage_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/elloloop/identity/storage"
)

// S2-18: a subject is random, tells nothing of when it was made, and comes once.
func TestNewSubject(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		sub := storage.NewSubject()
		id, err := uuid.Parse(sub)
		if err != nil || id.Version() != 4 || id.String() != sub || seen[sub] {
			t.Fatalf("S2-18: %q, version %d, seen before: %v, %v", sub, id.Version(), seen[sub], err)
		}
		seen[sub] = true
	}
}
