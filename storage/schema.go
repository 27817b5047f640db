package storage

import (
	"slices"

	"github.com/elloloop/identity/storage/graph"
)

// The node types. Numbers below 100 are those of the data that older
// deployments hold; 33 and 34 are retired and never used again.
const (
	typeUser                   graph.TypeID = 1
	typeWorkingGroup           graph.TypeID = 2
	typeRefreshToken           graph.TypeID = 5
	typePasswordResetToken     graph.TypeID = 19
	typePasskeyCredential      graph.TypeID = 20
	typePasskeyChallenge       graph.TypeID = 21
	typeQRLoginSession         graph.TypeID = 22
	typeTOTPCredential         graph.TypeID = 23
	typeRecoveryCode           graph.TypeID = 24
	typeLoginChallenge         graph.TypeID = 25
	typeAuditEvent             graph.TypeID = 26
	typeUserInvitation         graph.TypeID = 27
	typeAdminHelpRequest       graph.TypeID = 28
	typeEmailVerificationToken graph.TypeID = 29
	typeEmailChangeToken       graph.TypeID = 30
	typeOAuthIdentity          graph.TypeID = 31
	typeSession                graph.TypeID = 35
	typeOAuthOneTimeCode       graph.TypeID = 36
	typeEmailLoginCode         graph.TypeID = 37
	typeMagicLinkToken         graph.TypeID = 38
	typePhoneVerificationCode  graph.TypeID = 39
	typeClient                 graph.TypeID = 100
	typeAuthorizationRequest   graph.TypeID = 101
	typeAuthorizationCode      graph.TypeID = 102
	typeGrant                  graph.TypeID = 103
	typeConsent                graph.TypeID = 104
	typeAccessToken            graph.TypeID = 105
	typeRevokedToken           graph.TypeID = 106
	typeSigningKey             graph.TypeID = 107
	typeClientAssertion        graph.TypeID = 108
	typeProjectSecret          graph.TypeID = 109
	typeProject                graph.TypeID = 110
	typeClientOrigin           graph.TypeID = 111
	typePasswordCredential     graph.TypeID = 112
	typeProjectDomain          graph.TypeID = 113
	typeProjectCredential      graph.TypeID = 114
	typeTenant                 graph.TypeID = 115
	typeTenantDomain           graph.TypeID = 116
	typeTenantMember           graph.TypeID = 117
	typeTenantInvitation       graph.TypeID = 118
	typeIdempotencyKey         graph.TypeID = 119
	typeOutboxMessage          graph.TypeID = 120
	typeLease                  graph.TypeID = 121
	typeAuditSeal              graph.TypeID = 122
	typeInitialAccessToken     graph.TypeID = 123
	typeBootstrap              graph.TypeID = 124
	typeProvider               graph.TypeID = 125
	typeProviderState          graph.TypeID = 126
	typeTemplateOverride       graph.TypeID = 127
)

// The edge types.
const (
	edgeGroupMember graph.EdgeID = 1 // WorkingGroup → User
	edgeSubgroup    graph.EdgeID = 2 // WorkingGroup → WorkingGroup, the head is inside the tail
)

func text(name string) graph.Column   { return graph.Column{Name: name, Kind: graph.Text} }
func digest(name string) graph.Column { return graph.Column{Name: name, Kind: graph.Bytes} }
func number(name string) graph.Column { return graph.Column{Name: name, Kind: graph.Int} }

func unique(name string, columns ...string) graph.Unique {
	return graph.Unique{Name: name, Columns: columns}
}

func index(name string, columns ...string) graph.Index {
	return graph.Index{Name: name, Columns: columns}
}

// Schema returns the table of node types: the one place where they are declared.
// Drivers are opened with it, and the migrations of every dialect agree with it.
func Schema() graph.Schema {
	return graph.Schema{
		Types: slices.Concat(protocolTypes(), signInTypes(), controlTypes()),
		Edges: []graph.Edge{
			{ID: edgeGroupMember, Name: "GroupMember", From: typeWorkingGroup, To: typeUser},
			{ID: edgeSubgroup, Name: "Subgroup", From: typeWorkingGroup, To: typeWorkingGroup},
		},
	}
}

// protocolTypes are what the protocol remembers, and the people it speaks of.
func protocolTypes() []graph.Type {
	return []graph.Type{
		{
			ID: typeUser, Name: "User", Table: "users",
			Columns: []graph.Column{text("email_key"), text("username_key"), text("external_id"), text("status"), number("created"), text("name_key"), text("role"), text("phone_key")},
			Unique:  []graph.Unique{unique("email", "email_key"), unique("username", "username_key"), unique("external_id", "external_id")},
			Indexes: []graph.Index{
				index("created", "created"), index("status", "status", "created"), index("role", "role", "created"),
				index("email", "email_key"), index("username", "username_key"), index("name", "name_key"), index("phone", "phone_key"),
			},
			Watched: true,
		},
		{
			ID: typeRefreshToken, Name: "RefreshToken", Table: "refresh_tokens",
			Columns: []graph.Column{digest("token_hash"), text("grant_id")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash")},
			Indexes: []graph.Index{index("grant", "grant_id")},
			OneTime: true, Expires: true, Secret: []string{"token_hash"},
		},
		{
			ID: typeAuditEvent, Name: "AuditEvent", Table: "audit_events",
			Columns: []graph.Column{number("at"), text("action"), text("actor"), text("target")},
			Indexes: []graph.Index{index("at", "at"), index("action", "action", "at"), index("actor", "actor", "at"), index("target", "target", "at")},
		},
		{
			ID: typeSession, Name: "Session", Table: "sessions",
			Columns: []graph.Column{digest("secret_hash"), text("user_id"), number("created")},
			Unique:  []graph.Unique{unique("secret_hash", "secret_hash")},
			Indexes: []graph.Index{index("user", "user_id", "created")},
			Expires: true, Watched: true, Secret: []string{"secret_hash"},
		},
		{
			ID: typeClient, Name: "Client", Table: "clients",
			Columns: []graph.Column{text("name"), number("created")},
			Indexes: []graph.Index{index("created", "created")},
			Expires: true, Watched: true, Secret: []string{"secrets", "sealed", "registration_token_hash"},
		},
		{
			ID: typeAuthorizationRequest, Name: "AuthorizationRequest", Table: "authorization_requests",
			Columns: []graph.Column{text("client_id")},
			Indexes: []graph.Index{index("client", "client_id")},
			OneTime: true, Expires: true, Secret: []string{"browser_hash"},
		},
		{
			ID: typeAuthorizationCode, Name: "AuthorizationCode", Table: "authorization_codes",
			Columns: []graph.Column{digest("code_hash"), text("grant_id"), text("user_id"), text("client_id")},
			Unique:  []graph.Unique{unique("code_hash", "code_hash")},
			Indexes: []graph.Index{index("grant", "grant_id"), index("user_client", "user_id", "client_id")},
			OneTime: true, Expires: true, Secret: []string{"code_hash"},
		},
		{
			ID: typeGrant, Name: "Grant", Table: "grants",
			Columns: []graph.Column{text("user_id"), text("client_id"), text("session_id")},
			Indexes: []graph.Index{index("user", "user_id"), index("client", "client_id"), index("session", "session_id"), index("user_client", "user_id", "client_id")},
			Expires: true, Watched: true,
		},
		{
			ID: typeConsent, Name: "Consent", Table: "consents",
			Columns: []graph.Column{text("user_id"), text("client_id")},
			Unique:  []graph.Unique{unique("user_client", "user_id", "client_id")},
			Indexes: []graph.Index{index("user", "user_id"), index("client", "client_id")},
		},
		{
			ID: typeAccessToken, Name: "AccessToken", Table: "access_tokens",
			Columns: []graph.Column{digest("token_hash"), text("grant_id")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash")},
			Indexes: []graph.Index{index("grant", "grant_id")},
			Expires: true, Secret: []string{"token_hash"},
		},
		{
			ID: typeRevokedToken, Name: "RevokedToken", Table: "revoked_tokens",
			Expires: true,
		},
		{
			ID: typeSigningKey, Name: "SigningKey", Table: "signing_keys",
			Columns: []graph.Column{text("alg"), text("status"), number("created")},
			Indexes: []graph.Index{index("alg", "alg", "created")},
			Expires: true, Watched: true, Secret: []string{"sealed"},
		},
		{
			ID: typeClientAssertion, Name: "ClientAssertion", Table: "client_assertions",
			Expires: true,
		},
		{
			ID: typeProjectSecret, Name: "ProjectSecret", Table: "project_secrets",
			Watched: true, Secret: []string{"sealed"},
		},
		{
			ID: typeClientOrigin, Name: "ClientOrigin", Table: "client_origins",
			Columns: []graph.Column{text("origin"), text("client_id")},
			Unique:  []graph.Unique{unique("origin_client", "origin", "client_id")},
			Indexes: []graph.Index{index("origin", "origin"), index("client", "client_id")},
			Expires: true, Watched: true,
		},
		{
			ID: typePasswordCredential, Name: "PasswordCredential", Table: "password_credentials",
			Columns: []graph.Column{text("user_id")},
			Unique:  []graph.Unique{unique("user", "user_id")},
			Indexes: []graph.Index{index("user", "user_id")},
			Secret:  []string{"hash"},
		},
	}
}
