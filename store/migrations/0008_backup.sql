-- +goose Up
-- A house that was restored from a backup says so until an owner confirms it.
-- Until then its generation is '', which no pass may carry.

ALTER TABLE house ADD COLUMN state TEXT NOT NULL DEFAULT ''; -- '', 'restoring' or 'unconfirmed'
ALTER TABLE house ADD COLUMN restored_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE house ADD COLUMN in_place BIGINT NOT NULL DEFAULT 0; -- 1: by other means than a backup of ours
ALTER TABLE house ADD COLUMN backup_at BIGINT NOT NULL DEFAULT 0; -- when what was restored was the truth
ALTER TABLE house ADD COLUMN backup_n BIGINT NOT NULL DEFAULT 0;  -- where the log stood then
ALTER TABLE house ADD COLUMN backup_era TEXT NOT NULL DEFAULT ''; -- idp.Era of the generation then

-- What became of each cut that the journals hold and the backup does not.
CREATE TABLE replays (
    wish     TEXT PRIMARY KEY,
    place    BIGINT NOT NULL, -- orders the list
    n        BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    username TEXT NOT NULL,
    app_id   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    key_id   TEXT NOT NULL,
    at       BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    detail   TEXT NOT NULL
);
