-- +goose Up
-- When a grant's end was written to the log of endings; 0: it was not. From
-- then on nothing is issued or accepted by it, whatever a node's clock says.

ALTER TABLE grants ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
UPDATE grants SET ended_at = until_at WHERE until_at <> 0
    AND EXISTS (SELECT 1 FROM endings e WHERE e.wish = 'until:' || grants.id || ':' || CAST(grants.until_at AS TEXT));
DROP INDEX grants_until;
CREATE INDEX grants_due ON grants (until_at) WHERE until_at <> 0 AND ended_at = 0;
