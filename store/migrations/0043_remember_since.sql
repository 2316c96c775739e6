-- +goose Up
-- When remembering browsers was last turned on: a session that was begun before
-- lets nobody in without a second factor.

ALTER TABLE house_policy ADD COLUMN remember_since_at BIGINT NOT NULL DEFAULT 0;
UPDATE house_policy SET remember_since_at = updated_at WHERE remember <> 0;

-- +goose Down
ALTER TABLE house_policy DROP COLUMN remember_since_at;
