package conformance

import (
	"net/http"
	"testing"
	"time"
)

// TestExpiry waits until codes and tokens have expired.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := start(t, "GATEWAY_AUTHORIZATION_CODE_EXPIRY_SECONDS=30", "GATEWAY_JWT_EXPIRY_SECONDS=30", "GATEWAY_ID_TOKEN_EXPIRY_SECONDS=30")
	b := member(t, w)
	late := w.request(w.web)
	lateCode := b.code(late)
	replayed := w.request(w.web)
	code := b.code(replayed)
	used := b.redeem(replayed, code)
	jwt, opaque := b.tokens(w.web), b.tokens(w.opaque)
	<-time.After(31 * time.Second)
	w.redeem(t, late, lateCode).wantError(t, 400, "invalid_grant") // S2-01
	for c, got := range map[string]tokens{"jwt": jwt, "opaque": opaque} {
		who := w.web
		if c == "opaque" {
			who = w.opaque
		}
		if a := w.userinfo(t, got.access); a.status != http.StatusUnauthorized {
			t.Errorf("%s: userinfo answers an expired token with %d", c, a.status)
		}
		if w.active(t, who, got.access) {
			t.Errorf("%s: an expired token is active", c)
		}
		w.refresh(t, who, got.refresh).want(t, 200)
	}
	w.redeem(t, replayed, code).wantError(t, 400, "invalid_grant") // oidcc-codereuse-30seconds
	w.userinfo(t, used.access)
	// S2-16: an expired ID token is still a hint.
	if resp := b.silent(w.web, "id_token_hint", jwt.id); resp.Get("code") == "" {
		t.Errorf("an expired id_token_hint is refused: %s", resp.Get("error_description"))
	}
	if p := b.endSession("id_token_hint", jwt.id, "post_logout_redirect_uri", loggedOut); p.callback == nil {
		t.Errorf("an expired id_token_hint signs nobody out: %s", p.text())
	}
	b.signedOut(w.web)
}
