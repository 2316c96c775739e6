-- +goose Up
-- What a sign-in needs beyond its first factor.

ALTER TABLE sign_ins ADD COLUMN several BIGINT NOT NULL DEFAULT 0; -- 1: one factor is not enough
ALTER TABLE sign_ins ADD COLUMN has TEXT NOT NULL DEFAULT ''; -- kinds of credentials for a second factor
ALTER TABLE sign_ins ADD COLUMN renews TEXT NOT NULL DEFAULT ''; -- the session whose proofs it began with

-- +goose Down
ALTER TABLE sign_ins DROP COLUMN renews;
ALTER TABLE sign_ins DROP COLUMN has;
ALTER TABLE sign_ins DROP COLUMN several;
