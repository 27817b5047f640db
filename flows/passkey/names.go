package passkey

import (
	_ "embed"
	"encoding/json"

	"github.com/google/uuid"
)

// names of authenticators by AAGUID, as their makers publish them; 2026-11. They
// are shown to people and never decide anything.
//
//go:embed aaguid.json
var aaguids []byte

// NameOf is the name of the authenticator that made a passkey, "Passkey" where it
// is not known.
func NameOf(aaguid []byte) string {
	var names map[string]string
	id, err := uuid.FromBytes(aaguid)
	if err != nil || json.Unmarshal(aaguids, &names) != nil || names[id.String()] == "" {
		return "Passkey"
	}
	return names[id.String()]
}
