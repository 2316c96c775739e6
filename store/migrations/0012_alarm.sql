-- +goose Up
-- When an admin took note of a line that had failed for good; 0: nobody has.
-- While one is unnoted, the alarm stands.

ALTER TABLE deliveries ADD COLUMN noted_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_dead ON deliveries (finished_at, id) WHERE state = 'failed' AND noted_at = 0;
