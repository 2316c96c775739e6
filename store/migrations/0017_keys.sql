-- +goose Up
-- From when on a key signs: one that comes next is published before.

ALTER TABLE signing_keys ADD COLUMN signs_at BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_at = created_at;
