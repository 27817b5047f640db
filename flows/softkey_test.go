package flows_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// softKey is an authenticator and its browser in software, which does what a test
// tells it, and tampers with everything that can be.
type softKey struct {
	t      *testing.T
	id     []byte
	key    *ecdsa.PrivateKey
	user   string // user handle
	count  uint32
	flags  byte
	origin string
	rp     string
	// change is called with the client data and the authenticator data before they
	// are signed.
	change func(client map[string]any, data []byte) []byte
}

const (
	flagUP, flagUV, flagBE, flagBS, flagAT byte = 1, 4, 8, 16, 64
)

func newSoftKey(t *testing.T) *softKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &softKey{t: t, id: id, key: key, flags: flagUP | flagUV, origin: "https://id.example", rp: "id.example"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var optionsOf = regexp.MustCompile(`data-options="([^"]*)"`)

// options are those of the page.
func options(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	m := optionsOf.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || m == nil {
		t.Fatalf("%d: no options on\n%.800s", w.Code, w.Body)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &all); err != nil {
		t.Fatal(err)
	}
	return all["publicKey"]
}

func (k *softKey) data(kind string, challenge any, extra []byte) (client, auth []byte) {
	k.t.Helper()
	c := map[string]any{"type": "webauthn." + kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false}
	rp := sha256.Sum256([]byte(k.rp))
	k.count++
	flags := k.flags
	if extra != nil {
		flags |= flagAT
	}
	auth = binary.BigEndian.AppendUint32(append(rp[:], flags), k.count)
	auth = append(auth, extra...)
	if k.change != nil {
		auth = k.change(c, auth)
	}
	client, err := json.Marshal(c)
	if err != nil {
		k.t.Fatal(err)
	}
	return client, auth
}

// get answers a call of navigator.credentials.get.
func (k *softKey) get(options map[string]any) string {
	k.t.Helper()
	client, auth := k.data("get", options["challenge"], nil)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, auth...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(signature), "userHandle": b64([]byte(k.user)),
	})
}

// create answers a call of navigator.credentials.create.
func (k *softKey) create(options map[string]any) string {
	k.t.Helper()
	return k.createAs(options, -7)
}

func (k *softKey) createAs(options map[string]any, alg int) string {
	k.t.Helper()
	if u, ok := options["user"].(map[string]any); ok {
		id, err := base64.RawURLEncoding.DecodeString(u["id"].(string))
		if err != nil {
			k.t.Fatal(err)
		}
		k.user = string(id)
	}
	point, err := k.key.PublicKey.Bytes()
	if err != nil {
		k.t.Fatal(err)
	}
	public, err := cbor.Marshal(map[int]any{1: 2, 3: alg, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		k.t.Fatal(err)
	}
	extra := append(make([]byte, 16), byte(len(k.id)>>8), byte(len(k.id)))
	extra = append(append(extra, k.id...), public...)
	client, auth := k.data("create", options["challenge"], extra)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": auth})
	if err != nil {
		k.t.Fatal(err)
	}
	return k.answer(map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(object), "transports": []string{"internal"}})
}

func (k *softKey) answer(response map[string]any) string {
	k.t.Helper()
	out, err := json.Marshal(map[string]any{
		"id": b64(k.id), "rawId": b64(k.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return string(out)
}
