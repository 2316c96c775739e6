-- +goose Up
-- What proves a receipt and the audit log: signed versions, and a chain of
-- hashes with signed checkpoints.

-- Where an audit line stands in the chain; 0: it is not sealed yet.
ALTER TABLE events ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
CREATE INDEX events_unsealed ON events (at, id) WHERE position = 0;

CREATE TABLE chain (
    position  BIGINT PRIMARY KEY, -- from 1, without a gap
    event_id  TEXT NOT NULL,
    hash      TEXT NOT NULL,      -- of the line and of the hash before it
    sealed_at BIGINT NOT NULL
);

CREATE TABLE checkpoints (
    position  BIGINT PRIMARY KEY,
    hash      TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    jws       TEXT NOT NULL
);

CREATE TABLE receipt_versions (
    receipt_id TEXT NOT NULL REFERENCES receipts (id),
    version    BIGINT NOT NULL, -- from 1, without a gap
    hash       TEXT NOT NULL,   -- of the whole JWS
    signed_at  BIGINT NOT NULL,
    final      BIGINT NOT NULL, -- 1: all lines were
    header     TEXT NOT NULL,   -- the parts of the JWS
    payload    TEXT NOT NULL,   -- compressed
    signature  TEXT NOT NULL,
    PRIMARY KEY (receipt_id, version)
);

-- The newest version, when the next may be signed, and who is about it.
ALTER TABLE receipts ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN signed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN signed_final BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN sign_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN sign_by TEXT NOT NULL DEFAULT '';
ALTER TABLE receipts ADD COLUMN sign_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX receipts_unsigned ON receipts (n) WHERE version = 0;
CREATE INDEX receipts_signing ON receipts (n) WHERE sign_by <> '';

-- 1: the newest version of its receipt says what the line says, or the one that
-- is being signed. Whatever turns a line sets it to 0.
ALTER TABLE deliveries ADD COLUMN signed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_unsigned ON deliveries (receipt_id) WHERE signed = 0;
