-- +goose Up
-- What ends everything an app holds, everything older than a moment, and
-- everything one key signed.

ALTER TABLE house ADD COLUMN cut_before BIGINT NOT NULL DEFAULT 0; -- passes made before it are dead
ALTER TABLE apps ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE token_families ADD COLUMN app_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE participants ADD COLUMN app_epoch BIGINT NOT NULL DEFAULT 0; -- of the app when it first got something
ALTER TABLE signing_keys ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_acked ON deliveries (app_id, receipt_n) WHERE acked_at > 0;
