-- Every node type has a table of its own, as storage/schema.go declares it. Times
-- are microseconds since 1970 UTC. Keys and indexes begin with project_id, so that
-- nothing is ever found across projects; only the sweep of what expired is for all.

-- +goose Up

CREATE TABLE users (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    email_key   TEXT,
    username_key TEXT,
    external_id TEXT,
    status      TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_key_email ON users (project_id, email_key);
CREATE UNIQUE INDEX users_key_username ON users (project_id, username_key);
CREATE UNIQUE INDEX users_key_external_id ON users (project_id, external_id);
CREATE INDEX users_by_created ON users (project_id, created, id);
CREATE INDEX users_by_status ON users (project_id, status, created, id);

CREATE TABLE refresh_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    grant_id    TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_key_token_hash ON refresh_tokens (project_id, token_hash);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (project_id, grant_id, id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE audit_events (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    at          INTEGER,
    action      TEXT,
    actor       TEXT,
    target      TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_events_by_at ON audit_events (project_id, at, id);
CREATE INDEX audit_events_by_action ON audit_events (project_id, action, at, id);
CREATE INDEX audit_events_by_actor ON audit_events (project_id, actor, at, id);
CREATE INDEX audit_events_by_target ON audit_events (project_id, target, at, id);

CREATE TABLE sessions (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    secret_hash BLOB,
    user_id     TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_key_secret_hash ON sessions (project_id, secret_hash);
CREATE INDEX sessions_by_user ON sessions (project_id, user_id, created, id);
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE clients (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    name        TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_by_created ON clients (project_id, created, id);
CREATE INDEX clients_expiry ON clients (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE authorization_requests (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    client_id   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_requests_by_client ON authorization_requests (project_id, client_id, id);
CREATE INDEX authorization_requests_expiry ON authorization_requests (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE authorization_codes (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    code_hash   BLOB,
    grant_id    TEXT,
    user_id     TEXT,
    client_id   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX authorization_codes_key_code_hash ON authorization_codes (project_id, code_hash);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (project_id, grant_id, id);
CREATE INDEX authorization_codes_by_user_client ON authorization_codes (project_id, user_id, client_id, id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE grants (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    client_id   TEXT,
    session_id  TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_user ON grants (project_id, user_id, id);
CREATE INDEX grants_by_client ON grants (project_id, client_id, id);
CREATE INDEX grants_by_session ON grants (project_id, session_id, id);
CREATE INDEX grants_by_user_client ON grants (project_id, user_id, client_id, id);
CREATE INDEX grants_expiry ON grants (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE consents (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    user_id     TEXT,
    client_id   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX consents_key_user_client ON consents (project_id, user_id, client_id);
CREATE INDEX consents_by_user ON consents (project_id, user_id, id);
CREATE INDEX consents_by_client ON consents (project_id, client_id, id);

CREATE TABLE access_tokens (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    token_hash  BLOB,
    grant_id    TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_tokens_key_token_hash ON access_tokens (project_id, token_hash);
CREATE INDEX access_tokens_by_grant ON access_tokens (project_id, grant_id, id);
CREATE INDEX access_tokens_expiry ON access_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE revoked_tokens (
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
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE signing_keys (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    alg         TEXT,
    status      TEXT,
    created     INTEGER,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX signing_keys_by_alg ON signing_keys (project_id, alg, created, id);
CREATE INDEX signing_keys_expiry ON signing_keys (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE client_assertions (
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
CREATE INDEX client_assertions_expiry ON client_assertions (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE project_secrets (
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

CREATE TABLE client_origins (
    project_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    consumed_at INTEGER,
    origin      TEXT,
    client_id   TEXT,
    data        BLOB NOT NULL,
    PRIMARY KEY (project_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_origins_key_origin_client ON client_origins (project_id, origin, client_id);
CREATE INDEX client_origins_by_origin ON client_origins (project_id, origin, id);
CREATE INDEX client_origins_by_client ON client_origins (project_id, client_id, id);
CREATE INDEX client_origins_expiry ON client_origins (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE password_credentials (
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
CREATE UNIQUE INDEX password_credentials_key_user ON password_credentials (project_id, user_id);
CREATE INDEX password_credentials_by_user ON password_credentials (project_id, user_id, id);

CREATE TABLE edges (
    project_id TEXT NOT NULL,
    edge_id    INTEGER NOT NULL,
    from_id    TEXT NOT NULL,
    to_id      TEXT NOT NULL,
    PRIMARY KEY (project_id, edge_id, from_id, to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_reverse ON edges (project_id, edge_id, to_id, from_id);

CREATE TABLE counters (
    project_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    reset_at   INTEGER NOT NULL,
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX counters_expiry ON counters (reset_at);
