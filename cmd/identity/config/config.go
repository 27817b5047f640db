// Package config reads the settings of identity: from defaults, a YAML file, the
// environment and flags, each over the one before. Every setting is a field of
// Config; its tags say all there is to know of it, and the flags, the printed
// configuration and docs/configuration.md are made from them.
//
// It is strict. A name that is not known is an error and never ignored, and all
// mistakes are told at once.
package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is the whole configuration, checked. The tags of a field:
//
//   - key: the name in the YAML file, dotted; the environment name is GATEWAY_ and
//     the key in upper case with "_" for ".", the flag is the key with "-"
//   - env: that environment name, written out so that it can be searched for
//   - default: in the form of the environment; absent: empty
//   - doc: a sentence or two
//   - secret: "true" hides the value, takes the flag away and adds <env>_FILE
//   - min, max: bounds of a number; seconds when the key ends in _seconds
//   - oneof: the words that are allowed
type Config struct {
	Server       Server
	Storage      Storage
	Tokens       Tokens
	Insecure     Insecure
	Registration Registration
	Session      Session
	Login        Login
	SignIn       SignIn
	Messages     Messages
	Upstream     Upstream
	Password     Password
	RateLimit    RateLimit
	Pages        Pages
	Mail         Mail
	SMS          SMS
	Admin        Admin
	Log          Log

	origins map[string]Origin // by key: where the value came from
}

// Server is how the world reaches us.
type Server struct {
	Issuer                    string         `key:"issuer" env:"GATEWAY_ISSUER" doc:"Public URL of the provider, as it stands in every token. Required; https, without a path or a slash at the end."`
	AuthDomains               []string       `key:"default_project_auth_domains" env:"GATEWAY_DEFAULT_PROJECT_AUTH_DOMAINS" doc:"Hosts that are entered as proven for the default project at the start, the first as its primary one."`
	RequireVerifiedAuthDomain bool           `key:"require_verified_auth_domain" env:"GATEWAY_REQUIRE_VERIFIED_AUTH_DOMAIN" default:"true" doc:"Whether the primary host of a project has to be proven by DNS before issuers and links are made with it. false: whoever administers a project may take any host that leads here."`
	Listen                    string         `key:"listen" env:"GATEWAY_LISTEN" doc:"Address to listen on, as host:port. Empty: all addresses, on the port of GATEWAY_CONNECT_PORT."`
	ConnectPort               int            `key:"connect_port" env:"GATEWAY_CONNECT_PORT" default:"80" min:"0" max:"65535" doc:"Port to listen on when GATEWAY_LISTEN is not set. 0: any free one."`
	TLSCertFile               string         `key:"tls.cert_file" env:"GATEWAY_TLS_CERT_FILE" doc:"Certificate chain, PEM, to serve TLS with. Empty: a proxy in front ends TLS."`
	TLSKeyFile                string         `key:"tls.key_file" env:"GATEWAY_TLS_KEY_FILE" doc:"Private key of the certificate, PEM."`
	MaxBodyBytes              int64          `key:"http.max_body_bytes" env:"GATEWAY_HTTP_MAX_BODY_BYTES" default:"1048576" min:"1024" max:"67108864" doc:"Largest body of a request, in bytes."`
	TrustedProxies            []netip.Prefix `key:"trusted_proxies" env:"GATEWAY_TRUSTED_PROXIES" default:"127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7" doc:"Addresses or ranges of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. none: nobody's, which is the default with GATEWAY_TLS_CERT_FILE."`
	AllowedOrigins            []string       `key:"allowed_origins" env:"GATEWAY_ALLOWED_ORIGINS" doc:"Origins that browsers may call from, beside those of the clients' redirect URIs."`
	ShutdownTimeout           time.Duration  `key:"shutdown_timeout_seconds" env:"GATEWAY_SHUTDOWN_TIMEOUT_SECONDS" default:"10" min:"0" max:"600" doc:"How long requests in flight may take to end after SIGTERM."`
}

// Storage is where things are remembered, and how.
type Storage struct {
	Driver              string            `key:"repo.driver" env:"GATEWAY_REPO_DRIVER" default:"sqlite" oneof:"sqlite postgres memory" doc:"Where to keep the data: postgres as soon as GATEWAY_POSTGRES_DSN is set. memory forgets everything at the end."`
	PostgresDSN         Secret            `key:"postgres.dsn" env:"GATEWAY_POSTGRES_DSN" secret:"true" doc:"Connection string of Postgres, such as postgres://identity_app:…@db:5432/identity?sslmode=verify-full. Its role should own nothing."`
	PostgresMigrateDSN  Secret            `key:"postgres.migrate_dsn" env:"GATEWAY_POSTGRES_MIGRATE_DSN" secret:"true" doc:"The same for the role that owns the tables, used to migrate them alone. Empty: GATEWAY_POSTGRES_DSN."`
	PostgresListenDSN   Secret            `key:"postgres.listen_dsn" env:"GATEWAY_POSTGRES_LISTEN_DSN" secret:"true" doc:"The same past a proxy that pools transactions, to hear what other replicas change. Empty: GATEWAY_POSTGRES_DSN."`
	PostgresAutoMigrate bool              `key:"postgres.auto_migrate" env:"GATEWAY_POSTGRES_AUTO_MIGRATE" default:"true" doc:"Whether a start brings the schema up to date. Otherwise it refuses an old one, and identity migrate does it."`
	PostgresMaxConns    int               `key:"postgres.max_conns" env:"GATEWAY_POSTGRES_MAX_CONNS" default:"10" min:"1" max:"1000" doc:"Connections of each replica. One more listens."`
	PostgresConnTimeout int               `key:"postgres.conn_timeout_ms" env:"GATEWAY_POSTGRES_CONN_TIMEOUT_MS" default:"5000" min:"1" max:"600000" doc:"How long to wait for a connection, in milliseconds."`
	PostgresPooling     string            `key:"postgres.pooling" env:"GATEWAY_POSTGRES_POOLING" default:"session" oneof:"session transaction" doc:"transaction behind a proxy that lends a connection for each transaction, such as PgBouncer: nothing is prepared or kept on it."`
	SQLitePath          string            `key:"sqlite.path" env:"GATEWAY_SQLITE_PATH" default:"identity.db" doc:"Database file of SQLite, on a local disk, or :memory:."`
	SQLiteMaxConns      int               `key:"sqlite.max_conns" env:"GATEWAY_SQLITE_MAX_CONNS" default:"4" min:"1" max:"256" doc:"Connections that read. One more writes. Ignored for :memory:."`
	SQLiteSynchronous   string            `key:"sqlite.synchronous" env:"GATEWAY_SQLITE_SYNCHRONOUS" default:"FULL" oneof:"FULL NORMAL" doc:"FULL survives a crash of the machine. NORMAL is faster and may lose the last commits then."`
	ProjectCacheLife    time.Duration     `key:"project_resolution_cache_ttl_seconds" env:"GATEWAY_PROJECT_RESOLUTION_CACHE_TTL_SECONDS" default:"30" min:"1" max:"3600" doc:"How long a project is remembered without asking the database, when no other process tells that it changed."`
	ProjectCacheEntries int               `key:"project_resolution_cache_max_entries" env:"GATEWAY_PROJECT_RESOLUTION_CACHE_MAX_ENTRIES" default:"10000" min:"16" max:"1000000" doc:"How many projects, and hosts, are remembered at the most."`
	KeyRotation         time.Duration     `key:"key_rotation.interval_seconds" env:"GATEWAY_KEY_ROTATION_INTERVAL_SECONDS" default:"7776000" min:"0" max:"31536000" doc:"How long a signing key signs before the next one takes over. 0: until identity key rotate is called. At least a day."`
	DefaultProjectID    string            `key:"default_project_id" env:"GATEWAY_DEFAULT_PROJECT_ID" default:"default" doc:"Id of the default project, whose issuer is GATEWAY_ISSUER."`
	KeyEncryptionKeys   KeyEncryptionKeys `key:"key_encryption_keys" env:"GATEWAY_KEY_ENCRYPTION_KEYS" secret:"true" doc:"Keys that seal what must be read back, such as private signing keys: comma-separated id=base64 of 32 bytes. The first seals, all of them open. Required."`
	SweepInterval       time.Duration     `key:"sweep.interval_seconds" env:"GATEWAY_SWEEP_INTERVAL_SECONDS" default:"60" min:"1" max:"86400" doc:"How often expired rows are removed."`
	SweepBatch          int               `key:"sweep.batch" env:"GATEWAY_SWEEP_BATCH" default:"1000" min:"1" max:"100000" doc:"How many of them at once."`
}

// Tokens are the life times of what clients hold.
type Tokens struct {
	AccessExpiry               time.Duration `key:"jwt.expiry_seconds" env:"GATEWAY_JWT_EXPIRY_SECONDS" default:"900" min:"30" max:"900" doc:"Life time of an access token."`
	Audience                   string        `key:"jwt.audience" env:"GATEWAY_JWT_AUDIENCE" doc:"Audience of the access tokens of clients that have none of their own. Empty: the client's id."`
	IDTokenExpiry              time.Duration `key:"id_token.expiry_seconds" env:"GATEWAY_ID_TOKEN_EXPIRY_SECONDS" default:"900" min:"30" max:"86400" doc:"Life time of an ID token."`
	RefreshExpiry              time.Duration `key:"refresh.expiry_seconds" env:"GATEWAY_REFRESH_EXPIRY_SECONDS" default:"604800" min:"60" max:"31536000" doc:"Life time of a refresh token, from its last use."`
	RefreshGrace               time.Duration `key:"refresh.grace_seconds" env:"GATEWAY_REFRESH_GRACE_SECONDS" default:"30" min:"0" max:"300" doc:"How long a refresh token that was just used may be used again, for a client that lost the answer. After that its reuse ends the whole family."`
	AuthorizationCodeExpiry    time.Duration `key:"authorization_code.expiry_seconds" env:"GATEWAY_AUTHORIZATION_CODE_EXPIRY_SECONDS" default:"60" min:"1" max:"600" doc:"Life time of an authorization code."`
	AuthorizationRequestExpiry time.Duration `key:"authorization_request.expiry_seconds" env:"GATEWAY_AUTHORIZATION_REQUEST_EXPIRY_SECONDS" default:"1800" min:"60" max:"86400" doc:"How long a person has to sign in."`
	PKCERequired               bool          `key:"pkce.required" env:"GATEWAY_PKCE_REQUIRED" default:"true" doc:"Whether clients that can keep a secret must use PKCE too. Public clients always must."`
	AssertionEndpoint          bool          `key:"client_assertion.token_endpoint_audience" env:"GATEWAY_CLIENT_ASSERTION_TOKEN_ENDPOINT_AUDIENCE" default:"true" doc:"Whether the aud of a client assertion (private_key_jwt, client_secret_jwt) may be the URL of the token endpoint, as older clients send it. The issuer always may."`
	FrontChannel               bool          `key:"front_channel.enabled" env:"GATEWAY_FRONT_CHANNEL_ENABLED" default:"false" doc:"Whether clients may be registered for response types that bring tokens through the browser (implicit and hybrid)."`
}

// Registration is who may register clients at the registration endpoint.
type Registration struct {
	Profile      string        `key:"profile" env:"GATEWAY_PROFILE" default:"standard" oneof:"standard conformance" doc:"conformance is for the conformance suites alone: it opens registration, allows implicit and hybrid, makes PKCE optional, and sets what has insecure in its name. Each setting can still be set by itself."`
	Mode         string        `key:"registration.mode" env:"GATEWAY_REGISTRATION_MODE" default:"closed" oneof:"open token closed" doc:"Who may register clients (RFC 7591): open: everybody; token: whoever has an initial access token; closed: nobody. In identity dev: open."`
	UnusedExpiry time.Duration `key:"registration.unused_expiry_seconds" env:"GATEWAY_REGISTRATION_UNUSED_EXPIRY_SECONDS" default:"2592000" min:"0" max:"31536000" doc:"A client that registered itself is removed when it was not used for so long. 0: never."`
	Statements   string        `key:"registration.software_statement_issuers_file" env:"GATEWAY_REGISTRATION_SOFTWARE_STATEMENT_ISSUERS_FILE" doc:"Whose software statements (RFC 7591 §2.3) are believed: a JSON file, an object with a JWKS for each issuer. Empty: software statements are ignored."`
}

// Insecure is what is dangerous: each is logged at the start.
type Insecure struct {
	Unsigned      bool `key:"insecure.unsigned" env:"GATEWAY_INSECURE_UNSIGNED" default:"false" doc:"Whether clients may be registered for ID tokens and request objects without a signature (alg none). For conformance tests only."`
	LoopbackFetch bool `key:"insecure.allow_loopback_fetch" env:"GATEWAY_INSECURE_ALLOW_LOOPBACK_FETCH" default:"false" doc:"Whether URLs that clients register may lead to this machine, without TLS too. For development and conformance tests only."`
}

// Session is how long people stay signed in.
type Session struct {
	Idle time.Duration `key:"session.idle_seconds" env:"GATEWAY_SESSION_IDLE_SECONDS" default:"86400" min:"60" max:"31536000" doc:"A session ends when it was not used for so long."`
	Max  time.Duration `key:"session.max_seconds" env:"GATEWAY_SESSION_MAX_SECONDS" default:"2592000" min:"60" max:"31536000" doc:"A session ends so long after it began, used or not."`
}

// Login is how people sign in.
type Login struct {
	AllowLocal        bool          `key:"auth.allow_local" env:"GATEWAY_AUTH_ALLOW_LOCAL" default:"true" doc:"Whether people may sign in with a password."`
	RequireVerified   bool          `key:"auth.require_verified_email" env:"GATEWAY_AUTH_REQUIRE_VERIFIED_EMAIL" default:"true" doc:"Whether people prove the mail address of their account before they go on to an application. Without a mail server nobody is asked."`
	MaxFailedAttempts int           `key:"login.max_failed_attempts" env:"GATEWAY_LOGIN_MAX_FAILED_ATTEMPTS" default:"5" min:"1" max:"100" doc:"Wrong passwords in a row that lock an account."`
	Lockout           time.Duration `key:"login.lockout_seconds" env:"GATEWAY_LOGIN_LOCKOUT_SECONDS" default:"900" min:"1" max:"86400" doc:"How long an account stays locked."`
	IdentifierFirst   bool          `key:"login.identifier_first" env:"GATEWAY_LOGIN_IDENTIFIER_FIRST" default:"false" doc:"Whether the name is asked on a page of its own, before the password."`
}

// Password is what passwords are and what they cost to check.
type Password struct {
	SignupEnabled     bool          `key:"password.signup_enabled" env:"GATEWAY_PASSWORD_SIGNUP_ENABLED" default:"true" doc:"Whether people may make an account themselves, in whatever way."`
	MinLength         int           `key:"password.min_length" env:"GATEWAY_PASSWORD_MIN_LENGTH" default:"8" min:"8" max:"64" doc:"Shortest new password, in characters."`
	ResetEnabled      bool          `key:"password.reset_enabled" env:"GATEWAY_PASSWORD_RESET_ENABLED" default:"true" doc:"Whether people may choose a new password by a link that they get by mail."`
	ResetExpiry       time.Duration `key:"password.reset_expiry_seconds" env:"GATEWAY_PASSWORD_RESET_EXPIRY_SECONDS" default:"900" min:"60" max:"86400" doc:"How long that link works."`
	BreachedFile      string        `key:"password.breached_file" env:"GATEWAY_PASSWORD_BREACHED_FILE" doc:"List of passwords that others have lost, made by identity breach import: nobody may choose one. Empty: those alone that are guessed first."`
	BreachedURL       string        `key:"password.breached_url" env:"GATEWAY_PASSWORD_BREACHED_URL" doc:"Service that knows them, as https://…/range: it is told five of the forty digits of a SHA-1. When it does not answer within a second the password is taken. Empty: none is asked."`
	Argon2Memory      uint32        `key:"password.argon2.memory_kib" env:"GATEWAY_PASSWORD_ARGON2_MEMORY_KIB" default:"65536" min:"7168" max:"262144" doc:"Memory of one Argon2id hash, in KiB."`
	Argon2Time        uint32        `key:"password.argon2.time" env:"GATEWAY_PASSWORD_ARGON2_TIME" default:"3" min:"1" max:"100" doc:"Passes of Argon2id over the memory."`
	Argon2Parallelism uint8         `key:"password.argon2.parallelism" env:"GATEWAY_PASSWORD_ARGON2_PARALLELISM" default:"1" min:"1" max:"16" doc:"Lanes of Argon2id."`
	HashWorkers       int           `key:"password.hash_workers" env:"GATEWAY_PASSWORD_HASH_WORKERS" default:"0" min:"0" max:"1024" doc:"How many passwords are hashed at the same time; each takes the memory above. 0: as many as there are processors."`
}

// RateLimit are limits by address within one window.
type RateLimit struct {
	Window       time.Duration `key:"rate_limit.window_seconds" env:"GATEWAY_RATE_LIMIT_WINDOW_SECONDS" default:"60" min:"1" max:"86400" doc:"The window that the limits below count in, for each address."`
	Login        int           `key:"rate_limit.login" env:"GATEWAY_RATE_LIMIT_LOGIN" default:"30" min:"1" max:"1000000" doc:"Attempts to sign in."`
	Signup       int           `key:"rate_limit.signup" env:"GATEWAY_RATE_LIMIT_SIGNUP" default:"10" min:"1" max:"1000000" doc:"New accounts."`
	ClientAuth   int           `key:"rate_limit.client_auth" env:"GATEWAY_RATE_LIMIT_CLIENT_AUTH" default:"60" min:"1" max:"1000000" doc:"Failed authentications of clients, and of callers of the administration."`
	Register     int           `key:"rate_limit.register" env:"GATEWAY_RATE_LIMIT_REGISTER" default:"10" min:"1" max:"1000000" doc:"Registrations of clients."`
	Bootstrap    int           `key:"rate_limit.bootstrap" env:"GATEWAY_RATE_LIMIT_BOOTSTRAP" default:"5" min:"1" max:"1000000" doc:"Attempts to make the first platform administrator."`
	Passwordless int           `key:"rate_limit.passwordless" env:"GATEWAY_RATE_LIMIT_PASSWORDLESS" default:"5" min:"1" max:"1000000" doc:"Mails with a code or a link that signs in."`
	Reset        int           `key:"rate_limit.reset" env:"GATEWAY_RATE_LIMIT_RESET" default:"5" min:"1" max:"1000000" doc:"Mails with a link to choose a new password."`
	Phone        int           `key:"rate_limit.phone" env:"GATEWAY_RATE_LIMIT_PHONE" default:"5" min:"1" max:"1000000" doc:"Short messages with a code."`
	Verify       int           `key:"rate_limit.verify" env:"GATEWAY_RATE_LIMIT_VERIFY" default:"20" min:"1" max:"1000000" doc:"Mails with a link that proves an address."`
}

// Pages is what people see.
type Pages struct {
	TemplatesDir  string `key:"templates_dir" env:"GATEWAY_TEMPLATES_DIR" doc:"Folder with templates that replace the built-in ones of the same name."`
	DefaultLocale string `key:"default_locale" env:"GATEWAY_DEFAULT_LOCALE" default:"en" doc:"Language of a page when the browser asks for none that there is."`
	BrandName     string `key:"brand.name" env:"GATEWAY_BRAND_NAME" doc:"Name of the product, as pages show it. Empty: the host of the issuer."`
	BrandAccent   string `key:"brand.accent" env:"GATEWAY_BRAND_ACCENT" doc:"Colour of buttons and links, as #rrggbb. Empty: the built-in one."`
}

// Log is what is logged, to stderr.
type Log struct {
	Format string     `key:"log.format" env:"GATEWAY_LOG_FORMAT" default:"json" oneof:"json text" doc:"Form of a log line."`
	Level  slog.Level `key:"log.level" env:"GATEWAY_LOG_LEVEL" default:"info" doc:"The least that is logged: debug, info, warn or error."`
}
