package templates

import "encoding/json"

// Passkey is a call of navigator.credentials that the page's script makes. The
// form sends credential: the answer's toJSON, as text.
type Passkey struct {
	Action  string          `json:"action"`
	Options json.RawMessage `json:"options"` // {"publicKey": …}, in the form of parseRequestOptionsFromJSON or parseCreationOptionsFromJSON
}

// PasskeyView asks for a passkey.
type PasskeyView struct {
	Passkey
	Second   bool   `json:"second,omitempty"`    // as the second factor
	OtherURL string `json:"other_url,omitempty"` // another way in, "" without one
	HelpURL  string `json:"help_url,omitempty"`  // the administrators, for who has no other; "" where nobody can be asked
	// Unknown is the argument of PublicKeyCredential.signalUnknownCredential, where
	// the passkey that was used is nobody's.
	Unknown json.RawMessage `json:"unknown,omitempty"`
}

// AddPasskeyView offers a passkey to somebody who just signed in without one.
type AddPasskeyView struct {
	Account string `json:"account"`
	Passkey
	// The form sends credential, or decision=later.
}

// JSONText is a JSON text for an attribute.
func (d *document) JSONText(raw json.RawMessage) string { return string(raw) }
