package flowtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Authenticator is an authenticator and its browser in software, which does what a
// test tells it, and tampers with everything that can be.
type Authenticator struct {
	ID     []byte // of its credential
	Key    *ecdsa.PrivateKey
	User   string // user handle
	Count  uint32
	Flags  byte
	Origin string
	RP     string
	// Change is called with the client data and the authenticator data before they
	// are signed.
	Change func(client map[string]any, data []byte) []byte

	t *testing.T
}

// LogValue hides the key.
func (*Authenticator) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// The flags of authenticator data (WebAuthn L3 §6.1).
const (
	FlagUP, FlagUV, FlagBE, FlagBS, FlagAT byte = 1, 4, 8, 16, 64
)

// NewAuthenticator makes one for https://id.example, which verifies its owner.
func NewAuthenticator(t *testing.T) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &Authenticator{t: t, ID: id, Key: key, Flags: FlagUP | FlagUV, Origin: "https://id.example", RP: "id.example"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (k *Authenticator) data(kind string, challenge any, extra []byte) (client, auth []byte) {
	k.t.Helper()
	c := map[string]any{"type": "webauthn." + kind, "challenge": challenge, "origin": k.Origin, "crossOrigin": false}
	rp := sha256.Sum256([]byte(k.RP))
	k.Count++
	flags := k.Flags
	if extra != nil {
		flags |= FlagAT
	}
	auth = binary.BigEndian.AppendUint32(append(rp[:], flags), k.Count)
	auth = append(auth, extra...)
	if k.Change != nil {
		auth = k.Change(c, auth)
	}
	client, err := json.Marshal(c)
	if err != nil {
		k.t.Fatal(err)
	}
	return client, auth
}

// Get answers a call of navigator.credentials.get.
func (k *Authenticator) Get(options map[string]any) string {
	k.t.Helper()
	client, auth := k.data("get", options["challenge"], nil)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.Key, digest[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": b64([]byte(k.User)),
	})
}

// Create answers a call of navigator.credentials.create.
func (k *Authenticator) Create(options map[string]any) string {
	k.t.Helper()
	return k.CreateAs(options, -7)
}

// CreateAs answers with a key of this COSE algorithm.
func (k *Authenticator) CreateAs(options map[string]any, alg int) string {
	k.t.Helper()
	if u, ok := options["user"].(map[string]any); ok {
		id, err := base64.RawURLEncoding.DecodeString(u["id"].(string))
		if err != nil {
			k.t.Fatal(err)
		}
		k.User = string(id)
	}
	point, err := k.Key.PublicKey.Bytes()
	if err != nil {
		k.t.Fatal(err)
	}
	public, err := cbor.Marshal(map[int]any{1: 2, 3: alg, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		k.t.Fatal(err)
	}
	extra := append(make([]byte, 16), byte(len(k.ID)>>8), byte(len(k.ID)))
	extra = append(append(extra, k.ID...), public...)
	client, auth := k.data("create", options["challenge"], extra)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": auth})
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(object), "transports": []string{"internal"}})
}

func (k *Authenticator) answer(response map[string]any) string {
	k.t.Helper()
	out, err := json.Marshal(map[string]any{
		"id": b64(k.ID), "rawId": b64(k.ID), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return string(out)
}
