-- +goose Up
-- Reading the metadata of service providers again: one row for each app that
-- says where. Whoever moves next_at has it to do.

CREATE TABLE metadata_refreshes (
    app_id        TEXT PRIMARY KEY REFERENCES apps (id),
    source        TEXT NOT NULL, -- the address and what proves it; another begins anew
    next_at       BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    outcome       TEXT NOT NULL,
    detail        TEXT NOT NULL,
    failures      BIGINT NOT NULL, -- in a row
    waiting       TEXT NOT NULL, -- a document that an owner has to look at
    waiting_since BIGINT NOT NULL
);
CREATE INDEX metadata_refreshes_due ON metadata_refreshes (next_at);

-- +goose Down
DROP TABLE metadata_refreshes;
