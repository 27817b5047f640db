package memory_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/graph/graphtest"
	"github.com/elloloop/identity/storage/memory"
)

func TestContract(t *testing.T) {
	defer goleak.VerifyNone(t)
	graphtest.Run(t, func(t *testing.T, now func() time.Time) graph.Repository {
		return memory.Open(graphtest.Schema(), memory.Config{Now: now})
	})
}
