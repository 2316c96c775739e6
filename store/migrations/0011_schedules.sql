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
