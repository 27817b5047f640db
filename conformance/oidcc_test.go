package conformance

import "testing"

// TestOIDCC does what the modules of the OpenID Foundation's suite of the same name
// do, for response_type code, with their warnings as failures.
func TestOIDCC(t *testing.T) {
	for _, module := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"oidcc-discovery-endpoint-verification", oidccDiscovery},
		{"oidcc-server", oidccServer},
		{"oidcc-server-client-secret-post", oidccClientSecretPost},
		{"oidcc-response-type-missing", oidccResponseTypeMissing},
		{"oidcc-idtoken-signature", oidccIDTokenSignature},
		{"oidcc-idtoken-unsigned", oidccIDTokenUnsigned},
		{"oidcc-userinfo-get", oidccUserinfoGet},
		{"oidcc-userinfo-post-header", oidccUserinfoPostHeader},
		{"oidcc-userinfo-post-body", oidccUserinfoPostBody},
		{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", oidccWithoutNonce},
		{"oidcc-scope-profile", scopeModule("profile", "name", "preferred_username", "updated_at")},
		{"oidcc-scope-email", scopeModule("email", "email", "email_verified")},
		{"oidcc-scope-address", scopeModule("address")},
		{"oidcc-scope-phone", scopeModule("phone")},
		{"oidcc-scope-all", scopeModule("profile email address phone", "name", "email", "email_verified")},
		{"oidcc-alternate-happy-flow", oidccAlternateHappyFlow},
		{"oidcc-display-page", parameterModule("display", "page")},
		{"oidcc-display-popup", parameterModule("display", "popup")},
		{"oidcc-ui-locales", parameterModule("ui_locales", "se de")},
		{"oidcc-claims-locales", parameterModule("claims_locales", "se")},
		{"oidcc-login-hint", oidccLoginHint},
		{"oidcc-prompt-login", oidccPromptLogin},
		{"oidcc-max-age-1", oidccMaxAge1},
		{"oidcc-max-age-10000", oidccMaxAge10000},
		{"oidcc-prompt-none-not-logged-in", oidccPromptNoneNotLoggedIn},
		{"oidcc-prompt-none-logged-in", oidccPromptNoneLoggedIn},
		{"oidcc-id-token-hint", oidccIDTokenHint},
		{"oidcc-ensure-request-with-unknown-parameter-succeeds", parameterModule("extra", "foobar")},
		{"oidcc-ensure-request-with-acr-values-succeeds", oidccACRValues},
		{"oidcc-codereuse", oidccCodeReuse},
		{"oidcc-ensure-registered-redirect-uri", oidccRegisteredRedirectURI},
		{"oidcc-ensure-redirect-uri-in-authorization-request", oidccRedirectURIMissing},
		{"oidcc-redirect-uri-query-OK", oidccRedirectURIQueryOK},
		{"oidcc-redirect-uri-query-mismatch", redirectURIModule("?fixed=2")},
		{"oidcc-redirect-uri-query-added", redirectURIModule("?fixed=1&more=2")},
		{"oidcc-ensure-post-request-succeeds", oidccPostRequest},
		{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", oidccRequestObject},
		{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", oidccRequestURI},
		{"oidcc-claims-essential", oidccClaimsEssential},
		{"oidcc-refresh-token", oidccRefreshToken},
		{"oidcc-ensure-request-with-valid-pkce-succeeds", oidccValidPKCE},
		{"oidcc-ensure-client-assertion-with-iss-aud-succeeds", oidccAssertionAudience},
		{"oidcc-rp-initiated-logout-discovery-endpoint-verification", oidccLogoutDiscovery},
		{"oidcc-rp-initiated-logout", oidccLogout},
		{"oidcc-rp-initiated-logout-no-state", oidccLogoutNoState},
		{"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", oidccLogoutBadURI},
		{"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", oidccLogoutQueryAdded},
		{"oidcc-rp-initiated-logout-no-id-token-hint", oidccLogoutNoHint},
		{"oidcc-rp-initiated-logout-bad-id-token-hint", oidccLogoutBadHint},
		{"oidcc-rp-initiated-logout-modified-id-token-hint", oidccLogoutModifiedHint},
		{"oidcc-rp-initiated-logout-no-params", oidccLogoutNoParams},
		{"oidcc-rp-initiated-logout-no-post-logout-redirect-uri", oidccLogoutNoURI},
		{"oidcc-rp-initiated-logout-only-state", oidccLogoutOnlyState},
	} {
		t.Run(module.name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			module.run(t, w)
		})
	}
}
