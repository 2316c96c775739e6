-- +goose Up
-- Passkeys, TOTP secrets and recovery codes beside the password.

ALTER TABLE credentials ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN lookup TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN mark BIGINT NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX credentials_lookup ON credentials (kind, lookup) WHERE lookup <> '';
CREATE UNIQUE INDEX credentials_totp ON credentials (user_id) WHERE kind = 'totp';
CREATE INDEX credentials_user ON credentials (user_id, created_at, id);

-- +goose Down
DROP INDEX credentials_user;
DROP INDEX credentials_totp;
DROP INDEX credentials_lookup;
DELETE FROM credentials WHERE kind <> 'password';
ALTER TABLE credentials DROP COLUMN last_used_at;
ALTER TABLE credentials DROP COLUMN mark;
ALTER TABLE credentials DROP COLUMN lookup;
ALTER TABLE credentials DROP COLUMN name;
