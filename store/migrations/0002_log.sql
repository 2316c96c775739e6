-- +goose Up
-- The log says more: endings of grants, apps, keys and all before a moment,
-- changes of what copies say, and which Redis process is trusted.

ALTER TABLE counter ADD COLUMN redis_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE counter ADD COLUMN redis_run TEXT NOT NULL DEFAULT '';
ALTER TABLE counter ADD COLUMN redis_repl TEXT NOT NULL DEFAULT '';
ALTER TABLE counter ADD COLUMN redis_generation TEXT NOT NULL DEFAULT '';

-- The nodes of the house, with their last sign of life.
CREATE TABLE nodes (
    id      TEXT PRIMARY KEY,
    redis   BIGINT NOT NULL, -- 1: it has a Redis to use
    seen_at BIGINT NOT NULL
);

ALTER TABLE endings ADD COLUMN app_id TEXT NOT NULL DEFAULT '';
ALTER TABLE endings ADD COLUMN group_id TEXT NOT NULL DEFAULT '';
ALTER TABLE endings ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE endings ADD COLUMN before_at BIGINT NOT NULL DEFAULT 0;

-- A receipt may be of everybody: its user is then ''.
CREATE TABLE new_receipts (
    id            TEXT PRIMARY KEY,
    n             BIGINT NOT NULL,
    kind          TEXT NOT NULL,
    user_id       TEXT NOT NULL,
    session_id    TEXT NOT NULL,
    app_id        TEXT NOT NULL,
    group_id      TEXT NOT NULL,
    key_id        TEXT NOT NULL,
    before_at     BIGINT NOT NULL,
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
INSERT INTO new_receipts SELECT id, n, kind, user_id, session_id, '', '', '', 0, epoch, reason, actor, asked_at, cut_at,
    listed_at, cursor, claimed_by, claimed_until FROM receipts;

CREATE TABLE new_deliveries (
    id              TEXT PRIMARY KEY,
    receipt_id      TEXT NOT NULL REFERENCES new_receipts (id),
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
INSERT INTO new_deliveries SELECT * FROM deliveries;
DROP TABLE deliveries;
DROP TABLE receipts;
ALTER TABLE new_receipts RENAME TO receipts;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX receipts_user ON receipts (user_id, n);
CREATE INDEX receipts_n ON receipts (n);
CREATE INDEX receipts_listing ON receipts (claimed_until) WHERE listed_at = 0;
CREATE INDEX deliveries_receipt ON deliveries (receipt_id, app_id, id);
CREATE INDEX deliveries_due ON deliveries (app_id, next_at, id) WHERE finished_at = 0;
CREATE INDEX deliveries_held ON deliveries (app_id, claimed_until) WHERE finished_at = 0 AND claimed_by <> '';
CREATE INDEX deliveries_open ON deliveries (app_id, user_id, receipt_n) WHERE finished_at = 0;
CREATE INDEX deliveries_of_user ON deliveries (user_id) WHERE finished_at = 0;
CREATE INDEX deliveries_told ON deliveries (user_id, app_id, session_id, receipt_n);
CREATE INDEX deliveries_of_session ON deliveries (session_id, app_id) WHERE finished_at = 0;
CREATE INDEX deliveries_failed ON deliveries (receipt_id) WHERE state = 'failed';
