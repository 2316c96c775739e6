-- +goose Up
-- One text for both databases: every number is a BIGINT (times are UTC
-- microseconds, 0 = none; flags are 0 or 1), everything else TEXT. The loader
-- turns BIGINT into INTEGER and adds STRICT for SQLite.

CREATE TABLE house (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    generation TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The gap-free counter of the revocation log: updated as the last statement of
-- the transaction that writes the log row.
CREATE TABLE counter (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    n  BIGINT NOT NULL
);
INSERT INTO counter (id, n) VALUES (1, 0);

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    username     TEXT NOT NULL UNIQUE,
    email        TEXT NOT NULL,
    display_name TEXT NOT NULL,
    given_name   TEXT NOT NULL,
    family_name  TEXT NOT NULL,
    search       TEXT NOT NULL, -- lower-case "username email names", for the console's search
    role         TEXT NOT NULL CHECK (role IN ('owner', 'employee')),
    status       TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    epoch        BIGINT NOT NULL,
    suspended_at BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email) WHERE email <> '';
CREATE INDEX users_role ON users (role) WHERE role = 'owner';

CREATE TABLE credentials (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    kind       TEXT NOT NULL,
    data       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password';

CREATE TABLE user_groups (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE TABLE members (
    group_id TEXT NOT NULL REFERENCES user_groups (id),
    user_id  TEXT NOT NULL REFERENCES users (id),
    since_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE apps (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    protocol   TEXT NOT NULL CHECK (protocol IN ('oidc', 'saml')),
    identifier TEXT NOT NULL UNIQUE,
    settings   TEXT NOT NULL, -- JSON: everything else of idp.App
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE TABLE grants (
    id         TEXT PRIMARY KEY,
    app_id     TEXT NOT NULL REFERENCES apps (id),
    user_id    TEXT REFERENCES users (id),
    group_id   TEXT REFERENCES user_groups (id),
    role       TEXT NOT NULL,
    from_at    BIGINT NOT NULL,
    until_at   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
);
CREATE UNIQUE INDEX grants_user ON grants (app_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX grants_group ON grants (app_id, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX grants_of_user ON grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX grants_of_group ON grants (group_id) WHERE group_id IS NOT NULL;

CREATE TABLE accounts (
    id            TEXT PRIMARY KEY,
    app_id        TEXT NOT NULL REFERENCES apps (id),
    user_id       TEXT NOT NULL REFERENCES users (id),
    subject       TEXT NOT NULL,
    format        TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_user ON accounts (user_id, app_id, format);
CREATE INDEX accounts_app ON accounts (app_id, subject);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    secret_hash  TEXT NOT NULL UNIQUE,
    user_id      TEXT NOT NULL REFERENCES users (id),
    epoch        BIGINT NOT NULL,
    generation   TEXT NOT NULL,
    auth_time    BIGINT NOT NULL,
    methods      TEXT NOT NULL, -- space-separated
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    ended_by     TEXT NOT NULL, -- '', 'signed_out' or 'ended'
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);

CREATE TABLE participants (
    session_id        TEXT NOT NULL REFERENCES sessions (id),
    app_id            TEXT NOT NULL REFERENCES apps (id),
    user_id           TEXT NOT NULL REFERENCES users (id),
    session_index     TEXT NOT NULL,
    name_id           TEXT NOT NULL,
    name_id_format    TEXT NOT NULL,
    name_qualifier    TEXT NOT NULL,
    sp_name_qualifier TEXT NOT NULL,
    first_at          BIGINT NOT NULL,
    last_answer_at    BIGINT NOT NULL,
    PRIMARY KEY (session_id, app_id)
);
CREATE INDEX participants_user ON participants (user_id, session_id, app_id);

CREATE TABLE sign_ins (
    id         TEXT PRIMARY KEY,
    protocol   TEXT NOT NULL,
    app_id     TEXT NOT NULL,
    request    TEXT NOT NULL,
    resume_url TEXT NOT NULL,
    end_origin TEXT NOT NULL,
    bind_hash  TEXT NOT NULL,
    login_hint TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    user_id    TEXT NOT NULL, -- '' until a factor is proven
    epoch      BIGINT NOT NULL,
    generation TEXT NOT NULL,
    methods    TEXT NOT NULL,
    auth_time  BIGINT NOT NULL,
    session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    done_at    BIGINT NOT NULL,
    spent_at   BIGINT NOT NULL
);
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

CREATE TABLE token_families (
    id         TEXT PRIMARY KEY, -- the ID of the code: inserting it spends the code
    user_id    TEXT NOT NULL REFERENCES users (id),
    epoch      BIGINT NOT NULL,
    generation TEXT NOT NULL,
    app_id     TEXT NOT NULL REFERENCES apps (id),
    session_id TEXT NOT NULL REFERENCES sessions (id),
    scopes     TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    auth_time  BIGINT NOT NULL,
    methods    TEXT NOT NULL,
    offline    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);
CREATE INDEX token_families_user ON token_families (user_id, app_id);
CREATE INDEX token_families_expiry ON token_families (expires_at);

CREATE TABLE links (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id     TEXT NOT NULL, -- '' for the first owner
    epoch       BIGINT NOT NULL,
    generation  TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT NOT NULL
);

CREATE TABLE api_tokens (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id     TEXT NOT NULL REFERENCES users (id),
    epoch       BIGINT NOT NULL,
    generation  TEXT NOT NULL,
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL
);
CREATE INDEX api_tokens_user ON api_tokens (user_id);

CREATE INDEX links_user ON links (user_id, purpose, created_at);

-- What is spent once and has no row of its own: SAML request IDs, jtis.
CREATE TABLE spent (
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX spent_expiry ON spent (expires_at);

CREATE TABLE throttles (
    name     TEXT PRIMARY KEY,
    count    BIGINT NOT NULL,
    reset_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY, -- the kid
    use        TEXT NOT NULL,    -- oidc or saml
    algorithm  TEXT NOT NULL,    -- RS256 or ES256
    sealed     TEXT NOT NULL,    -- PKCS #8, sealed
    certificate TEXT NOT NULL,   -- PEM; SAML only
    created_at BIGINT NOT NULL,
    retired_at BIGINT NOT NULL
);
-- One of each kind in use: nodes that start at once make one.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (use, algorithm) WHERE retired_at = 0;

-- The revocation log. n is gap-free.
CREATE TABLE endings (
    n          BIGINT PRIMARY KEY,
    kind       TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    session_id TEXT NOT NULL,
    family_id  TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    wish       TEXT NOT NULL UNIQUE, -- idp.Ending.Key
    reason     TEXT NOT NULL,
    actor      TEXT NOT NULL, -- JSON of idp.Actor
    at         BIGINT NOT NULL,
    receipt_id TEXT NOT NULL
);

-- The head of a receipt is also its expansion job.
CREATE TABLE receipts (
    id            TEXT PRIMARY KEY,
    n             BIGINT NOT NULL,
    kind          TEXT NOT NULL,
    user_id       TEXT NOT NULL REFERENCES users (id),
    session_id    TEXT NOT NULL,
    epoch         BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    asked_at      BIGINT NOT NULL,
    cut_at        BIGINT NOT NULL,
    listed_at     BIGINT NOT NULL,
    cursor        TEXT NOT NULL,
    claimed_by    TEXT NOT NULL,
    claimed_until BIGINT NOT NULL
);
CREATE INDEX receipts_user ON receipts (user_id, n);
CREATE INDEX receipts_n ON receipts (n);
CREATE INDEX receipts_listing ON receipts (claimed_until) WHERE listed_at = 0;

CREATE TABLE deliveries (
    id              TEXT PRIMARY KEY,
    receipt_id      TEXT NOT NULL REFERENCES receipts (id),
    receipt_n       BIGINT NOT NULL, -- orders deliveries of one app and user
    user_id         TEXT NOT NULL,
    app_id          TEXT NOT NULL REFERENCES apps (id),
    lever           TEXT NOT NULL,
    session_id      TEXT NOT NULL,
    name_id         TEXT NOT NULL, -- JSON of idp.NameID
    session_indexes TEXT NOT NULL, -- space-separated
    state           TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    next_at         BIGINT NOT NULL,
    first_sent_at   BIGINT NOT NULL,
    acked_at        BIGINT NOT NULL,
    latency_ms      BIGINT NOT NULL,
    answer          TEXT NOT NULL,
    again_at        BIGINT NOT NULL,
    ceiling         BIGINT NOT NULL,
    verified_at     BIGINT NOT NULL,
    evidence        TEXT NOT NULL,
    finished_at     BIGINT NOT NULL, -- 0: not final
    claimed_by      TEXT NOT NULL,
    claimed_until   BIGINT NOT NULL
);
CREATE INDEX deliveries_receipt ON deliveries (receipt_id, app_id, id);
CREATE INDEX deliveries_due ON deliveries (app_id, next_at, id) WHERE finished_at = 0;
CREATE INDEX deliveries_held ON deliveries (app_id, claimed_until) WHERE finished_at = 0 AND claimed_by <> '';
CREATE INDEX deliveries_open ON deliveries (app_id, user_id, receipt_n) WHERE finished_at = 0;
CREATE INDEX deliveries_of_user ON deliveries (user_id) WHERE finished_at = 0;
CREATE INDEX deliveries_told ON deliveries (user_id, app_id, session_id, receipt_n);
CREATE INDEX deliveries_of_session ON deliveries (session_id, app_id) WHERE finished_at = 0;
CREATE INDEX deliveries_failed ON deliveries (receipt_id) WHERE state = 'failed';

CREATE TABLE events (
    id          TEXT PRIMARY KEY,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    actor       TEXT NOT NULL, -- JSON of idp.Actor
    user_id     TEXT NOT NULL,
    app_id      TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    detail      TEXT NOT NULL  -- JSON object
);
CREATE INDEX events_at ON events (at, id);
CREATE INDEX events_user ON events (user_id, at);

-- +goose Down
DROP TABLE events;
DROP TABLE deliveries;
DROP TABLE receipts;
DROP TABLE endings;
DROP TABLE signing_keys;
DROP TABLE throttles;
DROP TABLE spent;
DROP TABLE api_tokens;
DROP TABLE links;
DROP TABLE token_families;
DROP TABLE sign_ins;
DROP TABLE participants;
DROP TABLE sessions;
DROP TABLE accounts;
DROP TABLE grants;
DROP TABLE apps;
DROP TABLE members;
DROP TABLE user_groups;
DROP TABLE credentials;
DROP TABLE users;
DROP TABLE counter;
DROP TABLE house;
