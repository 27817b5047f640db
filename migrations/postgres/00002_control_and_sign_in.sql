-- What operators manage (projects, domains, tenants, groups), and what the other
-- ways to sign in remember. Users get what they are searched by.

-- +goose Up

ALTER TABLE users ADD COLUMN name_key TEXT COLLATE "C";
ALTER TABLE users ADD COLUMN role TEXT COLLATE "C";
CREATE INDEX users_by_role ON users (project_id, role NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX users_by_email ON users (project_id, email_key NULLS FIRST, id);
CREATE INDEX users_by_username ON users (project_id, username_key NULLS FIRST, id);
CREATE INDEX users_by_name ON users (project_id, name_key NULLS FIRST, id);

CREATE TABLE password_reset_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX password_reset_tokens_key_token_hash ON password_reset_tokens (project_id, token_hash);
CREATE INDEX password_reset_tokens_by_user ON password_reset_tokens (project_id, user_id NULLS FIRST, id);
CREATE INDEX password_reset_tokens_expiry ON password_reset_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('password_reset_tokens', 'expires_at');

CREATE TABLE email_verification_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX email_verification_tokens_key_token_hash ON email_verification_tokens (project_id, token_hash);
CREATE INDEX email_verification_tokens_by_user ON email_verification_tokens (project_id, user_id NULLS FIRST, id);
CREATE INDEX email_verification_tokens_expiry ON email_verification_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('email_verification_tokens', 'expires_at');

CREATE TABLE email_change_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX email_change_tokens_key_token_hash ON email_change_tokens (project_id, token_hash);
CREATE INDEX email_change_tokens_by_user ON email_change_tokens (project_id, user_id NULLS FIRST, id);
CREATE INDEX email_change_tokens_expiry ON email_change_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('email_change_tokens', 'expires_at');

CREATE TABLE oauth_one_time_codes (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX oauth_one_time_codes_key_token_hash ON oauth_one_time_codes (project_id, token_hash);
CREATE INDEX oauth_one_time_codes_by_user ON oauth_one_time_codes (project_id, user_id NULLS FIRST, id);
CREATE INDEX oauth_one_time_codes_expiry ON oauth_one_time_codes (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('oauth_one_time_codes', 'expires_at');

CREATE TABLE passkey_credentials (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    credential_id BYTEA,
    user_id     TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX passkey_credentials_key_credential_id ON passkey_credentials (project_id, credential_id);
CREATE INDEX passkey_credentials_by_user ON passkey_credentials (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('passkey_credentials', NULL);

CREATE TABLE passkey_challenges (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX passkey_challenges_by_user ON passkey_challenges (project_id, user_id NULLS FIRST, id);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('passkey_challenges', 'expires_at');

CREATE TABLE qr_login_sessions (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    code_hash   BYTEA,
    request_id  TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX qr_login_sessions_key_code_hash ON qr_login_sessions (project_id, code_hash);
CREATE INDEX qr_login_sessions_by_request ON qr_login_sessions (project_id, request_id NULLS FIRST, id);
CREATE INDEX qr_login_sessions_expiry ON qr_login_sessions (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('qr_login_sessions', 'expires_at');

CREATE TABLE totp_credentials (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX totp_credentials_by_user ON totp_credentials (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('totp_credentials', NULL);

CREATE TABLE recovery_codes (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    code_hash   BYTEA,
    user_id     TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX recovery_codes_key_code_hash ON recovery_codes (project_id, code_hash);
CREATE INDEX recovery_codes_by_user ON recovery_codes (project_id, user_id NULLS FIRST, id);
CREATE INDEX recovery_codes_expiry ON recovery_codes (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('recovery_codes', 'expires_at');

CREATE TABLE login_challenges (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    kind        TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX login_challenges_by_user ON login_challenges (project_id, user_id NULLS FIRST, kind NULLS FIRST, id);
CREATE INDEX login_challenges_expiry ON login_challenges (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('login_challenges', 'expires_at');

CREATE TABLE user_invitations (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    email_key   TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX user_invitations_key_token_hash ON user_invitations (project_id, token_hash);
CREATE UNIQUE INDEX user_invitations_key_email ON user_invitations (project_id, email_key);
CREATE INDEX user_invitations_by_created ON user_invitations (project_id, created NULLS FIRST, id);
CREATE INDEX user_invitations_expiry ON user_invitations (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('user_invitations', 'expires_at');

CREATE TABLE admin_help_requests (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    status      TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX admin_help_requests_by_status ON admin_help_requests (project_id, status NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX admin_help_requests_by_user ON admin_help_requests (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX admin_help_requests_by_created ON admin_help_requests (project_id, created NULLS FIRST, id);
CREATE INDEX admin_help_requests_expiry ON admin_help_requests (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('admin_help_requests', 'expires_at');

CREATE TABLE oauth_identities (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    provider    TEXT COLLATE "C",
    provider_user_id TEXT COLLATE "C",
    user_id     TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX oauth_identities_key_provider_user ON oauth_identities (project_id, provider, provider_user_id);
CREATE INDEX oauth_identities_by_user ON oauth_identities (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX oauth_identities_by_provider ON oauth_identities (project_id, provider NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('oauth_identities', NULL);

CREATE TABLE email_login_codes (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    email_key   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX email_login_codes_key_email ON email_login_codes (project_id, email_key);
CREATE INDEX email_login_codes_expiry ON email_login_codes (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('email_login_codes', 'expires_at');

CREATE TABLE magic_link_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    email_key   TEXT COLLATE "C",
    request_id  TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX magic_link_tokens_key_token_hash ON magic_link_tokens (project_id, token_hash);
CREATE INDEX magic_link_tokens_by_email ON magic_link_tokens (project_id, email_key NULLS FIRST, id);
CREATE INDEX magic_link_tokens_by_request ON magic_link_tokens (project_id, request_id NULLS FIRST, id);
CREATE INDEX magic_link_tokens_expiry ON magic_link_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('magic_link_tokens', 'expires_at');

CREATE TABLE phone_verification_codes (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    phone_number TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX phone_verification_codes_key_user ON phone_verification_codes (project_id, user_id);
CREATE INDEX phone_verification_codes_by_phone ON phone_verification_codes (project_id, phone_number NULLS FIRST, id);
CREATE INDEX phone_verification_codes_expiry ON phone_verification_codes (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('phone_verification_codes', 'expires_at');

CREATE TABLE providers (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    kind        TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX providers_by_created ON providers (project_id, created NULLS FIRST, id);
SELECT identity_isolate('providers', NULL);

CREATE TABLE provider_states (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    state_hash  BYTEA,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX provider_states_key_state_hash ON provider_states (project_id, state_hash);
CREATE INDEX provider_states_expiry ON provider_states (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('provider_states', 'expires_at');

CREATE TABLE template_overrides (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
SELECT identity_isolate('template_overrides', NULL);

CREATE TABLE projects (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    status      TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX projects_by_created ON projects (project_id, created NULLS FIRST, id);
CREATE INDEX projects_by_status ON projects (project_id, status NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('projects', NULL);

CREATE TABLE project_domains (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    host        TEXT COLLATE "C",
    owner       TEXT COLLATE "C",
    status      TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX project_domains_key_host ON project_domains (project_id, host);
CREATE INDEX project_domains_by_owner ON project_domains (project_id, owner NULLS FIRST, id);
CREATE INDEX project_domains_by_status ON project_domains (project_id, status NULLS FIRST, id);
SELECT identity_isolate('project_domains', NULL);

CREATE TABLE project_credentials (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    secret_hash BYTEA,
    owner       TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX project_credentials_key_secret_hash ON project_credentials (project_id, secret_hash);
CREATE INDEX project_credentials_by_owner ON project_credentials (project_id, owner NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX project_credentials_expiry ON project_credentials (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('project_credentials', 'expires_at');

CREATE TABLE bootstraps (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
SELECT identity_isolate('bootstraps', NULL);

CREATE TABLE leases (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
SELECT identity_isolate('leases', NULL);

CREATE TABLE tenants (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    name_key    TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX tenants_by_created ON tenants (project_id, created NULLS FIRST, id);
CREATE INDEX tenants_by_name ON tenants (project_id, name_key NULLS FIRST, id);
SELECT identity_isolate('tenants', NULL);

CREATE TABLE tenant_domains (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    domain      TEXT COLLATE "C",
    tenant_id   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX tenant_domains_key_domain ON tenant_domains (project_id, domain);
CREATE INDEX tenant_domains_by_tenant ON tenant_domains (project_id, tenant_id NULLS FIRST, id);
SELECT identity_isolate('tenant_domains', NULL);

CREATE TABLE tenant_members (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    tenant_id   TEXT COLLATE "C",
    user_id     TEXT COLLATE "C",
    role        TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX tenant_members_key_tenant_user ON tenant_members (project_id, tenant_id, user_id);
CREATE INDEX tenant_members_by_tenant ON tenant_members (project_id, tenant_id NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX tenant_members_by_tenant_role ON tenant_members (project_id, tenant_id NULLS FIRST, role NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX tenant_members_by_user ON tenant_members (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('tenant_members', NULL);

CREATE TABLE tenant_invitations (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    tenant_id   TEXT COLLATE "C",
    email_key   TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX tenant_invitations_key_token_hash ON tenant_invitations (project_id, token_hash);
CREATE UNIQUE INDEX tenant_invitations_key_tenant_email ON tenant_invitations (project_id, tenant_id, email_key);
CREATE INDEX tenant_invitations_by_tenant ON tenant_invitations (project_id, tenant_id NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX tenant_invitations_expiry ON tenant_invitations (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('tenant_invitations', 'expires_at');

CREATE TABLE working_groups (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    name_key    TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX working_groups_key_name ON working_groups (project_id, name_key);
CREATE UNIQUE INDEX working_groups_key_external_id ON working_groups (project_id, external_id);
CREATE INDEX working_groups_by_created ON working_groups (project_id, created NULLS FIRST, id);
CREATE INDEX working_groups_by_name ON working_groups (project_id, name_key NULLS FIRST, id);
SELECT identity_isolate('working_groups', NULL);

CREATE TABLE idempotency_keys (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('idempotency_keys', 'expires_at');

CREATE TABLE outbox_messages (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    status      TEXT COLLATE "C",
    due         BIGINT,
    kind        TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX outbox_messages_by_due ON outbox_messages (project_id, status NULLS FIRST, due NULLS FIRST, id);
CREATE INDEX outbox_messages_by_kind ON outbox_messages (project_id, kind NULLS FIRST, status NULLS FIRST, due NULLS FIRST, id);
CREATE INDEX outbox_messages_expiry ON outbox_messages (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('outbox_messages', 'expires_at');

CREATE TABLE audit_seals (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    sequence    BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX audit_seals_key_sequence ON audit_seals (project_id, sequence);
CREATE INDEX audit_seals_by_sequence ON audit_seals (project_id, sequence NULLS FIRST, id);
SELECT identity_isolate('audit_seals', NULL);

CREATE TABLE initial_access_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX initial_access_tokens_key_token_hash ON initial_access_tokens (project_id, token_hash);
CREATE INDEX initial_access_tokens_by_created ON initial_access_tokens (project_id, created NULLS FIRST, id);
CREATE INDEX initial_access_tokens_expiry ON initial_access_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('initial_access_tokens', 'expires_at');
