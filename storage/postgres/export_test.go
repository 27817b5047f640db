package postgres

import "testing"

// Hold takes a connection out of the pool until release is called.
func (r *Repository) Hold(t *testing.T) (release func()) {
	c, err := r.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Release
}
