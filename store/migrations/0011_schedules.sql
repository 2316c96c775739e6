-- +goose Up
-- Suspensions that are to come, and those of many people at once.

CREATE TABLE schedules (
    id           TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    wall         TEXT NOT NULL, -- 2026-12-01T17:00, as it was said
    zone         TEXT NOT NULL, -- IANA name
    due_at       BIGINT NOT NULL, -- what that was resolved to
    reason       TEXT NOT NULL,
    actor        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed', 'cancelled')),
    finished_at  BIGINT NOT NULL,
    receipt_id   TEXT NOT NULL,
    note         TEXT NOT NULL, -- what there is to say of how it went
    cancelled_by TEXT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (due_at, id) WHERE state = 'waiting';
CREATE INDEX schedules_all ON schedules (created_at, id);
CREATE INDEX schedules_user ON schedules (user_id, created_at, id);

-- Many people who are suspended together: each has a row, an ending and a
-- receipt of their own; the cursor says up to which place that is done and in
-- force.
CREATE TABLE batches (
    id            TEXT PRIMARY KEY,
    group_id      TEXT NOT NULL, -- whose members they were; '' where they were named
    reason        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    myself        BIGINT NOT NULL, -- whoever asked meant themselves, too
    created_at    BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('preparing', 'running', 'done', 'cancelled')),
    total         BIGINT NOT NULL,
    done          BIGINT NOT NULL,
    already       BIGINT NOT NULL,
    refused       BIGINT NOT NULL,
    cursor        BIGINT NOT NULL,
    finished_at   BIGINT NOT NULL,
    cancelled_by  TEXT NOT NULL,
    claimed_by    TEXT NOT NULL,
    claimed_until BIGINT NOT NULL
);
CREATE INDEX batches_running ON batches (created_at, id) WHERE state = 'running';
CREATE INDEX batches_all ON batches (created_at, id);

CREATE TABLE batch_people (
    batch_id   TEXT NOT NULL REFERENCES batches (id),
    place      BIGINT NOT NULL,
    user_id    TEXT NOT NULL, -- '' where nobody has the name
    name       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('todo', 'done', 'already', 'refused')),
    receipt_id TEXT NOT NULL, -- set with the ending, before it is in force everywhere
    note       TEXT NOT NULL,
    PRIMARY KEY (batch_id, place)
);
CREATE INDEX batch_people_state ON batch_people (batch_id, state, place);

-- What is ended by hand overtakes what is ended by the thousand: in being
-- listed, and in being told to each app. The next is found without sorting.
ALTER TABLE receipts ADD COLUMN bulk BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN bulk BIGINT NOT NULL DEFAULT 0;
CREATE INDEX receipts_unlisted ON receipts (bulk, n) WHERE listed_at = 0;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (app_id, bulk, next_at, id) WHERE finished_at = 0;
