-- Every node type has a table of its own, as storage/schema.go declares it. Times
-- are microseconds since 1970 UTC. Keys and indexes begin with project_id, so that
-- nothing is ever found across projects; only the sweep of what expired is for all.
--
-- A transaction sees the project that it names with identity.project, also when
-- its role owns the tables (FORCE). The sweep sees, in all projects, what has an
-- expiry, and may do no more than that: it removes within one project. Null comes
-- first in every order, as in the other dialects.

-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION identity_isolate(name regclass, expiry text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY project ON %s USING (project_id = nullif(current_setting('identity.project', true), ''))$p$, name);
    IF expiry IS NOT NULL THEN
        EXECUTE format($p$CREATE POLICY sweep ON %s FOR SELECT USING (current_setting('identity.sweep', true) = 'on' AND %I IS NOT NULL)$p$, name, expiry);
    END IF;
END
$$;
-- +goose StatementEnd

CREATE TABLE users (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    email_key   TEXT COLLATE "C",
    username_key TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    status      TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX users_key_email ON users (project_id, email_key);
CREATE UNIQUE INDEX users_key_username ON users (project_id, username_key);
CREATE UNIQUE INDEX users_key_external_id ON users (project_id, external_id);
CREATE INDEX users_by_created ON users (project_id, created NULLS FIRST, id);
CREATE INDEX users_by_status ON users (project_id, status NULLS FIRST, created NULLS FIRST, id);
SELECT identity_isolate('users', NULL);

CREATE TABLE refresh_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    grant_id    TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX refresh_tokens_key_token_hash ON refresh_tokens (project_id, token_hash);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (project_id, grant_id NULLS FIRST, id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('refresh_tokens', 'expires_at');

CREATE TABLE audit_events (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    at          BIGINT,
    action      TEXT COLLATE "C",
    actor       TEXT COLLATE "C",
    target      TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX audit_events_by_at ON audit_events (project_id, at NULLS FIRST, id);
CREATE INDEX audit_events_by_action ON audit_events (project_id, action NULLS FIRST, at NULLS FIRST, id);
CREATE INDEX audit_events_by_actor ON audit_events (project_id, actor NULLS FIRST, at NULLS FIRST, id);
CREATE INDEX audit_events_by_target ON audit_events (project_id, target NULLS FIRST, at NULLS FIRST, id);
SELECT identity_isolate('audit_events', NULL);

CREATE TABLE sessions (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    secret_hash BYTEA,
    user_id     TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX sessions_key_secret_hash ON sessions (project_id, secret_hash);
CREATE INDEX sessions_by_user ON sessions (project_id, user_id NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('sessions', 'expires_at');

CREATE TABLE clients (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    name        TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX clients_by_created ON clients (project_id, created NULLS FIRST, id);
CREATE INDEX clients_expiry ON clients (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('clients', 'expires_at');

CREATE TABLE authorization_requests (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    client_id   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX authorization_requests_by_client ON authorization_requests (project_id, client_id NULLS FIRST, id);
CREATE INDEX authorization_requests_expiry ON authorization_requests (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('authorization_requests', 'expires_at');

CREATE TABLE authorization_codes (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    code_hash   BYTEA,
    grant_id    TEXT COLLATE "C",
    user_id     TEXT COLLATE "C",
    client_id   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX authorization_codes_key_code_hash ON authorization_codes (project_id, code_hash);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (project_id, grant_id NULLS FIRST, id);
CREATE INDEX authorization_codes_by_user_client ON authorization_codes (project_id, user_id NULLS FIRST, client_id NULLS FIRST, id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('authorization_codes', 'expires_at');

CREATE TABLE grants (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    client_id   TEXT COLLATE "C",
    session_id  TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX grants_by_user ON grants (project_id, user_id NULLS FIRST, id);
CREATE INDEX grants_by_client ON grants (project_id, client_id NULLS FIRST, id);
CREATE INDEX grants_by_session ON grants (project_id, session_id NULLS FIRST, id);
CREATE INDEX grants_by_user_client ON grants (project_id, user_id NULLS FIRST, client_id NULLS FIRST, id);
CREATE INDEX grants_expiry ON grants (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('grants', 'expires_at');

CREATE TABLE consents (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    user_id     TEXT COLLATE "C",
    client_id   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX consents_key_user_client ON consents (project_id, user_id, client_id);
CREATE INDEX consents_by_user ON consents (project_id, user_id NULLS FIRST, id);
CREATE INDEX consents_by_client ON consents (project_id, client_id NULLS FIRST, id);
SELECT identity_isolate('consents', NULL);

CREATE TABLE access_tokens (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    token_hash  BYTEA,
    grant_id    TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX access_tokens_key_token_hash ON access_tokens (project_id, token_hash);
CREATE INDEX access_tokens_by_grant ON access_tokens (project_id, grant_id NULLS FIRST, id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('access_tokens', 'expires_at');

CREATE TABLE revoked_tokens (
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
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('revoked_tokens', 'expires_at');

CREATE TABLE signing_keys (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    alg         TEXT COLLATE "C",
    status      TEXT COLLATE "C",
    created     BIGINT,
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX signing_keys_by_alg ON signing_keys (project_id, alg NULLS FIRST, created NULLS FIRST, id);
CREATE INDEX signing_keys_expiry ON signing_keys (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('signing_keys', 'expires_at');

CREATE TABLE client_assertions (
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
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('client_assertions', 'expires_at');

CREATE TABLE project_secrets (
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
SELECT identity_isolate('project_secrets', NULL);

CREATE TABLE client_origins (
    project_id  TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    consumed_at BIGINT,
    origin      TEXT COLLATE "C",
    client_id   TEXT COLLATE "C",
    data        BYTEA NOT NULL,
    PRIMARY KEY (project_id, id)
);
CREATE UNIQUE INDEX client_origins_key_origin_client ON client_origins (project_id, origin, client_id);
CREATE INDEX client_origins_by_origin ON client_origins (project_id, origin NULLS FIRST, id);
CREATE INDEX client_origins_by_client ON client_origins (project_id, client_id NULLS FIRST, id);
CREATE INDEX client_origins_expiry ON client_origins (expires_at) WHERE expires_at IS NOT NULL;
SELECT identity_isolate('client_origins', 'expires_at');

CREATE TABLE password_credentials (
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
CREATE UNIQUE INDEX password_credentials_key_user ON password_credentials (project_id, user_id);
CREATE INDEX password_credentials_by_user ON password_credentials (project_id, user_id NULLS FIRST, id);
SELECT identity_isolate('password_credentials', NULL);

CREATE TABLE edges (
    project_id TEXT COLLATE "C" NOT NULL,
    edge_id    BIGINT NOT NULL,
    from_id    TEXT COLLATE "C" NOT NULL,
    to_id      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, edge_id, from_id, to_id)
);
CREATE INDEX edges_reverse ON edges (project_id, edge_id, to_id, from_id);
SELECT identity_isolate('edges', NULL);

CREATE TABLE counters (
    project_id TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    count      BIGINT NOT NULL,
    reset_at   BIGINT NOT NULL,
    PRIMARY KEY (project_id, name)
);
CREATE INDEX counters_expiry ON counters (reset_at);
SELECT identity_isolate('counters', 'reset_at');
