package passkey

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/elloloop/identity/storage"
)

// vector is one of the standard's own examples, in hexadecimal.
type vector struct {
	Section      string
	Name         string
	CredentialID string
	Create       map[string]string
	Get          map[string]string
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Vectors []vector }
	if err := json.Unmarshal(text, &all); err != nil || len(all.Vectors) < 10 {
		t.Fatalf("%v, %d vectors", err, len(all.Vectors))
	}
	return all.Vectors
}

func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer is the browser's JSON of one half of a vector.
func (v vector) answer(t *testing.T, half map[string]string, userHandle string) []byte {
	t.Helper()
	response := map[string]string{}
	for name, value := range half {
		if name != "challenge" {
			response[name] = base64.RawURLEncoding.EncodeToString(fromHex(t, value))
		}
	}
	if userHandle != "" {
		response["userHandle"] = base64.RawURLEncoding.EncodeToString([]byte(userHandle))
	}
	id := base64.RawURLEncoding.EncodeToString(fromHex(t, v.CredentialID))
	out, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestVectors holds our relying party to the examples of the standard: those that a
// page of ours could have asked for are taken, and those from a frame in another
// site's page, or with an attestation that is no maker's, are refused
// (WebAuthn L3 §16).
func TestVectors(t *testing.T) {
	project := &storage.Project{Issuer: "https://example.org"}
	refused := map[string]string{
		"16.4": "cross_origin", "16.5": "cross_origin",
		"16.13": "attestation", "16.15": "attestation", // signed under the standard's own root, where a maker's is wanted
		"16.14": "attestation", // its lists are empty, and must not be
	}
	for _, v := range vectors(t) {
		t.Run(v.Section+" "+v.Name, func(t *testing.T) {
			who := &person{id: storage.NewSubject(), name: "a", shown: "a"}
			r := Config{}.registration(project, who, time.Now())
			made, reason := v.create(t, r)
			if reason != refused[v.Section] {
				t.Fatalf("registration: %q, want %q", reason, refused[v.Section])
			}
			if reason != "" {
				return
			}
			who.credentials = []webauthn.Credential{*made}
			if reason := v.get(t, r.of.project, who); reason != "" {
				t.Fatalf("authentication: %q", reason)
			}
			half := map[string]string{}
			for name, value := range v.Get {
				half[name] = value
			}
			tampered := fromHex(t, half["signature"])
			tampered[len(tampered)-1] ^= 1
			half["signature"] = hex.EncodeToString(tampered)
			v.Get = half
			if v.get(t, r.of.project, who) == "" {
				t.Error("a tampered signature is taken")
			}
		})
	}
}

func (v vector) create(t *testing.T, r *Registration) (*webauthn.Credential, string) {
	t.Helper()
	answer, err := protocol.ParseCredentialCreationResponseBytes(v.answer(t, v.Create, ""))
	if err != nil {
		t.Fatal(err)
	}
	_, session, w, err := r.begin(fromHex(t, v.Create["challenge"]))
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.CreateCredential(r.person, *session, answer)
	if err != nil {
		s := seen{answer.Response.CollectedClientData, answer.Response.AttestationObject.AuthData}
		return nil, why(err, s, protocol.CreateCeremony, w, false)
	}
	return made, ""
}

func (v vector) get(t *testing.T, p *storage.Project, who *person) string {
	t.Helper()
	answer, err := protocol.ParseCredentialRequestResponseBytes(v.answer(t, v.Get, who.id))
	if err != nil {
		t.Fatal(err)
	}
	w, err := party(p)
	if err != nil {
		t.Fatal(err)
	}
	_, session, err := w.BeginDiscoverableLogin(webauthn.WithChallenge(fromHex(t, v.Get["challenge"])))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return who, nil }, *session, answer)
	if err != nil {
		s := seen{answer.Response.CollectedClientData, answer.Response.AuthenticatorData}
		return why(err, s, protocol.AssertCeremony, w, false)
	}
	return ""
}
