package passkey

import (
	_ "embed"
	"encoding/json"

	"github.com/google/uuid"
)

// names of authenticators by AAGUID. The file says where each is from. They are
// shown to people and never decide anything.
//
//go:embed aaguid.json
var aaguids []byte

// NameOf is the name of the authenticator that made a passkey, "Passkey" where it
// is not known.
func NameOf(aaguid []byte) string {
	var all struct {
		Makers []struct{ Names map[string]string }
	}
	id, err := uuid.FromBytes(aaguid)
	if err != nil || json.Unmarshal(aaguids, &all) != nil {
		return "Passkey"
	}
	for _, m := range all.Makers {
		if name := m.Names[id.String()]; name != "" {
			return name
		}
	}
	return "Passkey"
}
