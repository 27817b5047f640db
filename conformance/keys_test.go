package conformance

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestKeyRotation: a new key signs, and what the old one signed stays valid.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := member(t, w)
	kids := func(set jose.JSONWebKeySet) map[string]bool {
		m := map[string]bool{}
		for _, k := range set.Keys {
			m[k.KeyID] = true
		}
		return m
	}
	first := b.tokens(w.web)
	header, _ := w.jwt(t, first.id)
	before := kids(w.jwks(t))
	if _, err := w.identity("", "key", "rotate", "--now", "--json"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "oidcc-server-rotate-keys: a new kid signs", func() bool {
		h, _ := w.jwt(t, b.tokens(w.web).id)
		return h.KeyID != header.KeyID
	})
	signs, _ := w.jwt(t, b.tokens(w.web).id)
	if !before[signs.KeyID] {
		t.Errorf("oidcc-server-rotate-keys: %s signs, and was not published before", signs.KeyID)
	}
	eventually(t, "oidcc-server-rotate-keys: another key is published to sign next", func() bool { return len(kids(w.jwks(t))) > len(before) })
	after := kids(w.jwks(t))
	for kid := range before {
		if !after[kid] {
			t.Errorf("oidcc-server-rotate-keys: the key %s is gone", kid)
		}
	}
	w.jwt(t, first.id)
	w.userinfo(t, first.access).want(t, 200)
	w.refresh(t, w.web, first.refresh).want(t, 200)
	if resp := b.silent(w.web, "id_token_hint", first.id); resp.Get("code") == "" {
		t.Errorf("the old ID token is no hint any more: %s", resp.Get("error"))
	}
	b.endSession("id_token_hint", first.id)
	b.signedOut(w.web)
}
