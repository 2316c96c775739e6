-- +goose Up
-- Tokens that were revoked by themselves and hang on nothing that could be
-- ended in their place: those of an app itself, and what came of an exchange.
-- Forgotten when the token has expired.

CREATE TABLE ended_tokens (
    id         TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ended_tokens_expiry ON ended_tokens (expires_at);

-- +goose Down
DROP TABLE ended_tokens;
