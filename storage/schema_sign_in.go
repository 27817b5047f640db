package storage

import "github.com/elloloop/identity/storage/graph"

// oneTime is a row that is found by the digest of a secret, belongs to a person
// and is used once.
func oneTime(id graph.TypeID, name, table string) graph.Type {
	return graph.Type{
		ID: id, Name: name, Table: table,
		Columns: []graph.Column{digest("token_hash"), text("user_id")},
		Unique:  []graph.Unique{unique("token_hash", "token_hash")},
		Indexes: []graph.Index{index("user", "user_id")},
		OneTime: true, Expires: true, Secret: []string{"token_hash"},
	}
}

// signInTypes are what the ways to sign in remember: credentials, challenges,
// and what was sent to prove an address.
func signInTypes() []graph.Type {
	return []graph.Type{
		oneTime(typePasswordResetToken, "PasswordResetToken", "password_reset_tokens"),
		oneTime(typeEmailVerificationToken, "EmailVerificationToken", "email_verification_tokens"),
		oneTime(typeEmailChangeToken, "EmailChangeToken", "email_change_tokens"),
		oneTime(typeOAuthOneTimeCode, "OAuthOneTimeCode", "oauth_one_time_codes"),
		{
			ID: typePasskeyCredential, Name: "PasskeyCredential", Table: "passkey_credentials",
			Columns: []graph.Column{digest("credential_id"), text("user_id"), number("created")},
			Unique:  []graph.Unique{unique("credential_id", "credential_id")},
			Indexes: []graph.Index{index("user", "user_id", "created")},
		},
		{
			ID: typePasskeyChallenge, Name: "PasskeyChallenge", Table: "passkey_challenges",
			Columns: []graph.Column{text("user_id")},
			Indexes: []graph.Index{index("user", "user_id")},
			OneTime: true, Expires: true,
		},
		{
			ID: typeQRLoginSession, Name: "QrLoginSession", Table: "qr_login_sessions",
			Columns: []graph.Column{digest("code_hash"), text("request_id")},
			Unique:  []graph.Unique{unique("code_hash", "code_hash")},
			Indexes: []graph.Index{index("request", "request_id")},
			OneTime: true, Expires: true, Secret: []string{"code_hash"},
		},
		{
			ID: typeTOTPCredential, Name: "TotpCredential", Table: "totp_credentials",
			Columns: []graph.Column{text("user_id"), number("created")},
			Indexes: []graph.Index{index("user", "user_id", "created")},
			Secret:  []string{"sealed"},
		},
		{
			ID: typeRecoveryCode, Name: "RecoveryCode", Table: "recovery_codes",
			Columns: []graph.Column{digest("code_hash"), text("user_id")},
			Unique:  []graph.Unique{unique("code_hash", "code_hash")},
			Indexes: []graph.Index{index("user", "user_id")},
			OneTime: true, Expires: true, Secret: []string{"code_hash"},
		},
		{
			ID: typeLoginChallenge, Name: "LoginChallenge", Table: "login_challenges",
			Columns: []graph.Column{text("user_id"), text("kind")},
			Indexes: []graph.Index{index("user", "user_id", "kind")},
			OneTime: true, Expires: true,
		},
		{
			ID: typeUserInvitation, Name: "UserInvitation", Table: "user_invitations",
			Columns: []graph.Column{digest("token_hash"), text("email_key"), number("created")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash"), unique("email", "email_key")},
			Indexes: []graph.Index{index("created", "created")},
			OneTime: true, Expires: true, Secret: []string{"token_hash"},
		},
		{
			ID: typeAdminHelpRequest, Name: "AdminHelpRequest", Table: "admin_help_requests",
			Columns: []graph.Column{text("user_id"), text("status"), number("created")},
			Indexes: []graph.Index{index("status", "status", "created"), index("user", "user_id", "created"), index("created", "created")},
			Expires: true,
		},
		{
			ID: typeOAuthIdentity, Name: "OAuthIdentity", Table: "oauth_identities",
			Columns: []graph.Column{text("provider"), text("provider_user_id"), text("user_id"), number("created")},
			Unique:  []graph.Unique{unique("provider_user", "provider", "provider_user_id")},
			Indexes: []graph.Index{index("user", "user_id", "created"), index("provider", "provider", "created")},
			Secret:  []string{"sealed"},
		},
		{
			ID: typeEmailLoginCode, Name: "EmailLoginCode", Table: "email_login_codes",
			Columns: []graph.Column{text("email_key")},
			Unique:  []graph.Unique{unique("email", "email_key")},
			OneTime: true, Expires: true, Secret: []string{"code_hash"},
		},
		{
			ID: typeMagicLinkToken, Name: "MagicLinkToken", Table: "magic_link_tokens",
			Columns: []graph.Column{digest("token_hash"), text("email_key"), text("request_id")},
			Unique:  []graph.Unique{unique("token_hash", "token_hash")},
			Indexes: []graph.Index{index("email", "email_key"), index("request", "request_id")},
			OneTime: true, Expires: true, Secret: []string{"token_hash"},
		},
		{
			ID: typePhoneVerificationCode, Name: "PhoneVerificationCode", Table: "phone_verification_codes",
			Columns: []graph.Column{text("user_id"), text("phone_number")},
			Unique:  []graph.Unique{unique("user", "user_id")},
			Indexes: []graph.Index{index("phone", "phone_number")},
			OneTime: true, Expires: true, Secret: []string{"code_hash"},
		},
		{
			ID: typeProvider, Name: "Provider", Table: "providers",
			Columns: []graph.Column{text("kind"), number("created")},
			Indexes: []graph.Index{index("created", "created")},
			Watched: true, Secret: []string{"sealed"},
		},
		{
			ID: typeProviderState, Name: "ProviderState", Table: "provider_states",
			Columns: []graph.Column{digest("state_hash")},
			Unique:  []graph.Unique{unique("state_hash", "state_hash")},
			OneTime: true, Expires: true, Secret: []string{"state_hash", "sealed"},
		},
		{
			ID: typeTemplateOverride, Name: "TemplateOverride", Table: "template_overrides",
			Watched: true,
		},
	}
}
