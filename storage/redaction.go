package storage

import "log/slog"

// The rows that carry a digest, a hash or something sealed say in a log who they
// are and no more: slog would print every field of them.

// LogValue hides all but the ids.
func (t AccessToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("jti", t.ID), slog.String("client_id", t.ClientID), slog.String("grant_id", t.GrantID))
}

// LogValue hides all but the ids.
func (c AuthorizationCode) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.String("client_id", c.ClientID), slog.String("grant_id", c.GrantID))
}

// LogValue hides all but the ids: state, nonce and login_hint are nobody else's.
func (r AuthorizationRequest) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", r.ID), slog.String("client_id", r.ClientID))
}

// LogValue hides all but the name.
func (c Client) LogValue() slog.Value {
	return slog.GroupValue(slog.String("client_id", c.ID), slog.String("client_name", c.Name))
}

// LogValue hides the secret.
func (ClientSecret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// LogValue hides the payload.
func (m OutboxMessage) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", m.ID), slog.String("kind", m.Kind), slog.String("status", string(m.Status)), slog.Int("attempts", m.Attempts))
}

// LogValue hides the hash.
func (c PasswordCredential) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user_id", c.UserID))
}

// LogValue hides all but the ids.
func (c ProjectCredential) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.String("kind", string(c.Kind)), slog.String("project_id", c.ProjectID))
}

// LogValue hides all but the ids.
func (i TenantInvitation) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("tenant_id", i.TenantID))
}

// LogValue hides what is sealed.
func (k idempotencyKey) LogValue() slog.Value { return slog.GroupValue(slog.String("id", k.id)) }

// LogValue hides what is sealed.
func (p projectSecret) LogValue() slog.Value { return slog.GroupValue(slog.String("name", p.id)) }

// LogValue hides all but the ids.
func (t RefreshToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.String("client_id", t.ClientID), slog.String("grant_id", t.GrantID))
}

// LogValue hides all but the ids.
func (s Session) LogValue() slog.Value {
	return slog.GroupValue(slog.String("sid", s.ID), slog.String("user_id", s.UserID))
}

// LogValue hides the private key.
func (k SigningKey) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kid", k.ID), slog.String("alg", k.Alg), slog.String("status", string(k.Status)))
}

// LogValue hides the seed.
func (c TOTPCredential) LogValue() slog.Value {
	return slog.GroupValue(slog.String("user_id", c.UserID))
}

// LogValue hides the digest.
func (c RecoveryCode) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.String("user_id", c.UserID))
}

// LogValue hides the digest.
func (q QRLogin) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", q.ID), slog.String("request_id", q.RequestID))
}

// LogValue hides all but the id.
func (t InitialAccessToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", t.ID), slog.String("name", t.Name))
}
