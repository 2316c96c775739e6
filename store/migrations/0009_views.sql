-- +goose Up
-- What admins look at: who is signed in now, what apps are still to be told,
-- and receipts by how they stand.

CREATE INDEX sessions_now ON sessions (expires_at, id) WHERE ended_at = 0;
CREATE INDEX sessions_now_user ON sessions (user_id, expires_at, id) WHERE ended_at = 0;
CREATE INDEX sessions_now_address ON sessions (address, expires_at, id) WHERE ended_at = 0;

-- When an admin had a line that had failed tried again; 0: never.
ALTER TABLE deliveries ADD COLUMN revived_at BIGINT NOT NULL DEFAULT 0;

-- Lines that are not settled, newest first. The condition is spelled as SQLite
-- wants it: one of its terms is one of the statement's.
CREATE INDEX deliveries_now ON deliveries (state, created_at, id)
    WHERE state = 'failed' OR state = 'retrying' OR state = 'sent' OR state = 'alive';
CREATE INDEX deliveries_now_app ON deliveries (app_id, state, created_at, id)
    WHERE state = 'failed' OR state = 'retrying' OR state = 'sent' OR state = 'alive';
CREATE INDEX deliveries_now_user ON deliveries (user_id, state, created_at, id)
    WHERE state = 'failed' OR state = 'retrying' OR state = 'sent' OR state = 'alive';

CREATE INDEX deliveries_unsettled ON deliveries (receipt_id) WHERE finished_at = 0;
CREATE INDEX receipts_kind ON receipts (kind, n);
