package graph

import "testing"

// TestSlowWatcher tells more than a watcher reads: what waits stays bounded, and
// ends in a Change.All.
func TestSlowWatcher(t *testing.T) {
	var w Watchers
	defer w.Close()
	changes, err := w.Add(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 * maxPending {
		w.Tell(Change{Type: TypeID(i)})
		w.mu.Lock()
		for one := range w.all {
			if len(one.pending) > maxPending {
				t.Fatalf("%d changes wait", len(one.pending))
			}
		}
		w.mu.Unlock()
	}
	for c := range changes {
		if c.All {
			return
		}
	}
	t.Error("the watch ended without a Change.All")
}
