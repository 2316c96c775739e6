-- +goose Up
-- When somebody saw that a session had run out and that no app has to be told
-- of it; 0: nobody yet, or it was renewed since. One of which an app has to be told is ended instead.

ALTER TABLE sessions ADD COLUMN settled_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_over ON sessions (expires_at) WHERE ended_at = 0 AND settled_at = 0;
