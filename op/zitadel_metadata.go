package op

import (
	"slices"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/text/language"

	"github.com/elloloop/identity/storage"
)

// metadataDocument is the discovery document (OIDC Discovery §3, RFC 8414 §2).
type metadataDocument struct {
	zoidc.DiscoveryConfiguration
	// AuthorizationResponseIss: every authorization response has iss (RFC 9207 §3).
	AuthorizationResponseIss bool     `json:"authorization_response_iss_parameter_supported"`
	PromptValues             []string `json:"prompt_values_supported"` // OIDC Prompt Create §4.1.1
	// OIDC Front-Channel Logout §3.
	FrontChannelLogout        bool `json:"frontchannel_logout_supported"`
	FrontChannelLogoutSession bool `json:"frontchannel_logout_session_supported"`
}

func (op *Provider) metadataOf(p *storage.Project) metadataDocument {
	url := func(path string) string { return p.Issuer + path }
	methods := []zoidc.AuthMethod{
		zoidc.AuthMethodBasic, zoidc.AuthMethodPost, zoidc.AuthMethodNone, zoidc.AuthMethodPrivateKeyJWT, "client_secret_jwt",
	}
	confidential := []zoidc.AuthMethod{zoidc.AuthMethodBasic, zoidc.AuthMethodPost, zoidc.AuthMethodPrivateKeyJWT, "client_secret_jwt"}
	registration := ""
	if registrationOpen(p) {
		registration = url(pathRegister)
	}
	locales := make(zoidc.Locales, len(op.uiLocales))
	for i, l := range op.uiLocales {
		locales[i] = language.Make(l)
	}
	grantTypes := []zoidc.GrantType{zoidc.GrantTypeCode, zoidc.GrantTypeRefreshToken, zoidc.GrantTypeClientCredentials}
	if p.FrontChannel {
		grantTypes = append(grantTypes, zoidc.GrantTypeImplicit)
	}
	var unsigned []string
	if p.InsecureUnsigned {
		unsigned = []string{algNone}
	}
	_, noReference := op.fetch.(noFetcher)
	return metadataDocument{
		DiscoveryConfiguration: zoidc.DiscoveryConfiguration{
			Issuer:                p.Issuer,
			AuthorizationEndpoint: url(pathAuthorize),
			TokenEndpoint:         url(pathToken),
			UserinfoEndpoint:      url(pathUserinfo),
			JwksURI:               url(pathJWKS),
			IntrospectionEndpoint: url(pathIntrospect),
			RevocationEndpoint:    url(pathRevoke),
			EndSessionEndpoint:    url(pathEndSession),
			CheckSessionIframe:    url(pathCheckSession), // OIDC Session Management §3.3

			BackChannelLogoutSupported:        true,
			BackChannelLogoutSessionSupported: true,

			RegistrationEndpoint: registration,

			ScopesSupported:        supportedScopes,
			ResponseTypesSupported: supportedResponseTypes(p),
			ResponseModesSupported: responseModes,
			GrantTypesSupported:    grantTypes,
			ACRValuesSupported:     op.acrValues(p),
			SubjectTypesSupported:  []string{"public", subjectPairwise},

			IDTokenSigningAlgValuesSupported:          slices.Concat(signingAlgs[:], unsigned),
			IDTokenEncryptionAlgValuesSupported:       encryptionAlgs,
			IDTokenEncryptionEncValuesSupported:       encryptionEncs,
			UserinfoSigningAlgValuesSupported:         signingAlgs[:],
			UserinfoEncryptionAlgValuesSupported:      encryptionAlgs,
			UserinfoEncryptionEncValuesSupported:      encryptionEncs,
			RequestObjectSigningAlgValuesSupported:    slices.Concat(requestObjectAlgs, unsigned),
			RequestObjectEncryptionAlgValuesSupported: encryptionAlgs,
			RequestObjectEncryptionEncValuesSupported: encryptionEncs,
			RequestParameterSupported:                 true,
			RequestURIParameterSupported:              !noReference,
			RequireRequestURIRegistration:             !noReference,

			TokenEndpointAuthMethodsSupported:                  methods,
			TokenEndpointAuthSigningAlgValuesSupported:         assertionAlgs,
			RevocationEndpointAuthMethodsSupported:             methods,
			RevocationEndpointAuthSigningAlgValuesSupported:    assertionAlgs,
			IntrospectionEndpointAuthMethodsSupported:          confidential,
			IntrospectionEndpointAuthSigningAlgValuesSupported: assertionAlgs,

			DisplayValuesSupported:        []zoidc.Display{zoidc.DisplayPage},
			ClaimTypesSupported:           []string{"normal"},
			ClaimsSupported:               supportedClaims(),
			ClaimsParameterSupported:      true,
			CodeChallengeMethodsSupported: []zoidc.CodeChallengeMethod{zoidc.CodeChallengeMethodS256},
			UILocalesSupported:            locales,
		},
		AuthorizationResponseIss: true,
		PromptValues:             prompts,

		FrontChannelLogout:        true,
		FrontChannelLogoutSession: true,
	}
}
