package storage

import (
	"errors"

	"github.com/elloloop/identity/storage/graph"
)

// ClashingKey names the unique key that made a commit fail with ErrAlreadyExists:
// "id", the name of a key, or "" when it is not known.
func ClashingKey(err error) string {
	var failed *graph.OpError
	if errors.As(err, &failed) {
		return failed.Key
	}
	return ""
}
