-- +goose Up
-- What there is to say of an app's secrets. Which they are says the app's own
-- settings, where a sign-on reads them: this is kept in step with those and
-- decides nothing.

CREATE TABLE client_secrets (
    app_id  TEXT NOT NULL REFERENCES apps (id),
    id      TEXT NOT NULL, -- from the hash: idp.SecretIDOf
    made_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL, -- 0: not since it is known
    PRIMARY KEY (app_id, id)
);

-- The correlation ID of the request or the job that an audit line is about, as
-- its actor says it; here it can be found. '': there is none, or the line is
-- older than this.
ALTER TABLE events ADD COLUMN correlation TEXT NOT NULL DEFAULT '';
CREATE INDEX events_correlation ON events (correlation, at, id) WHERE correlation <> '';

-- Initial access tokens: with one, somebody who is not an owner registers so
-- many apps (RFC 7591 §1.2). They are the owner's who made them, and die with
-- what that owner holds.
CREATE TABLE initial_tokens (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    user_id     TEXT NOT NULL REFERENCES users (id),
    epoch       BIGINT NOT NULL,
    generation  TEXT NOT NULL,
    name        TEXT NOT NULL,
    uses        BIGINT NOT NULL, -- that are left
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL
);
CREATE INDEX initial_tokens_user ON initial_tokens (user_id);
