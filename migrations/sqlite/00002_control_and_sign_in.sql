-- What operators manage (projects, domains, tenants, groups), and what the other
-- ways to sign in remember. Users get what they are searched by.

-- +goose Up

ALTER TABLE users ADD COLUMN name_key TEXT;
ALTER TABLE users ADD COLUMN role TEXT;
CREATE INDEX users_by_role ON users (project_id, role, created, id);
CREATE INDEX users_by_email ON users (project_id, email_key, id);
CREATE INDEX users_by_username ON users (project_id, username_key, id);
CREATE INDEX users_by_name ON users (project_id, name_key, id);

CREATE TABLE password_reset_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX password_reset_tokens_key_token_hash ON password_reset_tokens (project_id, token_hash);
CREATE INDEX password_reset_tokens_by_user ON password_reset_tokens (project_id, user_id, id);
CREATE INDEX password_reset_tokens_expiry ON password_reset_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE email_verification_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX email_verification_tokens_key_token_hash ON email_verification_tokens (project_id, token_hash);
CREATE INDEX email_verification_tokens_by_user ON email_verification_tokens (project_id, user_id, id);
CREATE INDEX email_verification_tokens_expiry ON email_verification_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE email_change_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX email_change_tokens_key_token_hash ON email_change_tokens (project_id, token_hash);
CREATE INDEX email_change_tokens_by_user ON email_change_tokens (project_id, user_id, id);
CREATE INDEX email_change_tokens_expiry ON email_change_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE oauth_one_time_codes (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth_one_time_codes_key_token_hash ON oauth_one_time_codes (project_id, token_hash);
CREATE INDEX oauth_one_time_codes_by_user ON oauth_one_time_codes (project_id, user_id, id);
CREATE INDEX oauth_one_time_codes_expiry ON oauth_one_time_codes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE passkey_credentials (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    credential_id BLOB,
    user_id     TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX passkey_credentials_key_credential_id ON passkey_credentials (project_id, credential_id);
CREATE INDEX passkey_credentials_by_user ON passkey_credentials (project_id, user_id, created, id);

CREATE TABLE passkey_challenges (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_challenges_by_user ON passkey_challenges (project_id, user_id, id);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE qr_login_sessions (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    code_hash   BLOB,
    request_id  TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX qr_login_sessions_key_code_hash ON qr_login_sessions (project_id, code_hash);
CREATE INDEX qr_login_sessions_by_request ON qr_login_sessions (project_id, request_id, id);
CREATE INDEX qr_login_sessions_expiry ON qr_login_sessions (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE totp_credentials (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX totp_credentials_by_user ON totp_credentials (project_id, user_id, created, id);

CREATE TABLE recovery_codes (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    code_hash   BLOB,
    user_id     TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX recovery_codes_key_code_hash ON recovery_codes (project_id, code_hash);
CREATE INDEX recovery_codes_by_user ON recovery_codes (project_id, user_id, id);
CREATE INDEX recovery_codes_expiry ON recovery_codes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE login_challenges (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    kind        TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_challenges_by_user ON login_challenges (project_id, user_id, kind, id);
CREATE INDEX login_challenges_expiry ON login_challenges (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE user_invitations (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    email_key   TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_invitations_key_token_hash ON user_invitations (project_id, token_hash);
CREATE UNIQUE INDEX user_invitations_key_email ON user_invitations (project_id, email_key);
CREATE INDEX user_invitations_by_created ON user_invitations (project_id, created, id);
CREATE INDEX user_invitations_expiry ON user_invitations (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE admin_help_requests (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    status      TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX admin_help_requests_by_status ON admin_help_requests (project_id, status, created, id);
CREATE INDEX admin_help_requests_by_user ON admin_help_requests (project_id, user_id, created, id);
CREATE INDEX admin_help_requests_by_created ON admin_help_requests (project_id, created, id);
CREATE INDEX admin_help_requests_expiry ON admin_help_requests (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE oauth_identities (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    provider    TEXT,
    provider_user_id TEXT,
    user_id     TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth_identities_key_provider_user ON oauth_identities (project_id, provider, provider_user_id);
CREATE INDEX oauth_identities_by_user ON oauth_identities (project_id, user_id, created, id);
CREATE INDEX oauth_identities_by_provider ON oauth_identities (project_id, provider, created, id);

CREATE TABLE email_login_codes (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    email_key   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX email_login_codes_key_email ON email_login_codes (project_id, email_key);
CREATE INDEX email_login_codes_expiry ON email_login_codes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE magic_link_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    email_key   TEXT,
    request_id  TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX magic_link_tokens_key_token_hash ON magic_link_tokens (project_id, token_hash);
CREATE INDEX magic_link_tokens_by_email ON magic_link_tokens (project_id, email_key, id);
CREATE INDEX magic_link_tokens_by_request ON magic_link_tokens (project_id, request_id, id);
CREATE INDEX magic_link_tokens_expiry ON magic_link_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE phone_verification_codes (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    phone_number TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX phone_verification_codes_key_user ON phone_verification_codes (project_id, user_id);
CREATE INDEX phone_verification_codes_by_phone ON phone_verification_codes (project_id, phone_number, id);
CREATE INDEX phone_verification_codes_expiry ON phone_verification_codes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE providers (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    kind        TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX providers_by_created ON providers (project_id, created, id);

CREATE TABLE provider_states (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    state_hash  BLOB,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX provider_states_key_state_hash ON provider_states (project_id, state_hash);
CREATE INDEX provider_states_expiry ON provider_states (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE template_overrides (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    status      TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX projects_by_created ON projects (project_id, created, id);
CREATE INDEX projects_by_status ON projects (project_id, status, created, id);

CREATE TABLE project_domains (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    host        TEXT,
    owner       TEXT,
    status      TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX project_domains_key_host ON project_domains (project_id, host);
CREATE INDEX project_domains_by_owner ON project_domains (project_id, owner, id);
CREATE INDEX project_domains_by_status ON project_domains (project_id, status, id);

CREATE TABLE project_credentials (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    secret_hash BLOB,
    owner       TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX project_credentials_key_secret_hash ON project_credentials (project_id, secret_hash);
CREATE INDEX project_credentials_by_owner ON project_credentials (project_id, owner, created, id);
CREATE INDEX project_credentials_expiry ON project_credentials (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE bootstraps (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    name_key    TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenants_by_created ON tenants (project_id, created, id);
CREATE INDEX tenants_by_name ON tenants (project_id, name_key, id);

CREATE TABLE tenant_domains (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    domain      TEXT,
    tenant_id   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenant_domains_key_domain ON tenant_domains (project_id, domain);
CREATE INDEX tenant_domains_by_tenant ON tenant_domains (project_id, tenant_id, id);

CREATE TABLE tenant_members (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    tenant_id   TEXT,
    user_id     TEXT,
    role        TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenant_members_key_tenant_user ON tenant_members (project_id, tenant_id, user_id);
CREATE INDEX tenant_members_by_tenant ON tenant_members (project_id, tenant_id, created, id);
CREATE INDEX tenant_members_by_tenant_role ON tenant_members (project_id, tenant_id, role, created, id);
CREATE INDEX tenant_members_by_user ON tenant_members (project_id, user_id, created, id);

CREATE TABLE tenant_invitations (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    tenant_id   TEXT,
    email_key   TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenant_invitations_key_token_hash ON tenant_invitations (project_id, token_hash);
CREATE UNIQUE INDEX tenant_invitations_key_tenant_email ON tenant_invitations (project_id, tenant_id, email_key);
CREATE INDEX tenant_invitations_by_tenant ON tenant_invitations (project_id, tenant_id, created, id);
CREATE INDEX tenant_invitations_expiry ON tenant_invitations (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE working_groups (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    name_key    TEXT,
    external_id TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX working_groups_key_name ON working_groups (project_id, name_key);
CREATE UNIQUE INDEX working_groups_key_external_id ON working_groups (project_id, external_id);
CREATE INDEX working_groups_by_created ON working_groups (project_id, created, id);
CREATE INDEX working_groups_by_name ON working_groups (project_id, name_key, id);

CREATE TABLE idempotency_keys (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE outbox_messages (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    status      TEXT,
    due         INTEGER,
    kind        TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_messages_by_due ON outbox_messages (project_id, status, due, id);
CREATE INDEX outbox_messages_by_kind ON outbox_messages (project_id, kind, status, due, id);
CREATE INDEX outbox_messages_expiry ON outbox_messages (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE audit_seals (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    sequence    INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX audit_seals_key_sequence ON audit_seals (project_id, sequence);
CREATE INDEX audit_seals_by_sequence ON audit_seals (project_id, sequence, id);

CREATE TABLE initial_access_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX initial_access_tokens_key_token_hash ON initial_access_tokens (project_id, token_hash);
CREATE INDEX initial_access_tokens_by_created ON initial_access_tokens (project_id, created, id);
CREATE INDEX initial_access_tokens_expiry ON initial_access_tokens (expires_at) WHERE expires_at IS NOT NULL;
