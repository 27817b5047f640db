package storage

import "time"

// Terms are the terms of a project's service. Who has not accepted this version
// does so before going on to an application.
type Terms struct {
	Version string `json:"version,omitempty"` // "": there are none
	URL     string `json:"url,omitempty"`     // where they can be read
}

// TermsAccepted is which terms somebody accepted last.
type TermsAccepted struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}
