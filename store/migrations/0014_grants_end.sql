-- +goose Up
-- When a grant's end was written to the log of endings; 0: it was not. From
-- then on nothing is issued or accepted by it, whatever a node's clock says.

ALTER TABLE grants ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
UPDATE grants SET ended_at = until_at WHERE until_at <> 0
    AND EXISTS (SELECT 1 FROM endings e WHERE e.wish = 'until:' || grants.id || ':' || CAST(grants.until_at AS TEXT));
DROP INDEX grants_until;
CREATE INDEX grants_due ON grants (until_at) WHERE until_at <> 0 AND ended_at = 0;

-- The number that the log had come to when it was written down: says what was
-- there when a group's grant ended.
ALTER TABLE grants ADD COLUMN since_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN since_n BIGINT NOT NULL DEFAULT 0;
ALTER TABLE token_families ADD COLUMN since_n BIGINT NOT NULL DEFAULT 0;

-- Ends of groups' grants whose token families are not all marked yet.
CREATE TABLE ungrants (
    receipt_id TEXT PRIMARY KEY,
    app_id     TEXT NOT NULL REFERENCES apps (id),
    n          BIGINT NOT NULL, -- what is written down from here on came after it
    at         BIGINT NOT NULL
);
CREATE INDEX ungrants_app ON ungrants (app_id, n);

DROP INDEX token_families_app;
CREATE INDEX token_families_app ON token_families (app_id, expires_at, id) WHERE revoked_at = 0;
