-- +goose Up
-- What is known of an app having a certificate of ours: somebody read it at the
-- app's own address for our metadata, or an owner said so.

CREATE TABLE key_reads (
    app_id   TEXT NOT NULL REFERENCES apps (id),
    key_id   TEXT NOT NULL REFERENCES signing_keys (id),
    first_at BIGINT NOT NULL, -- 0: nobody has read it
    last_at  BIGINT NOT NULL,
    address  TEXT NOT NULL, -- of the last reader
    agent    TEXT NOT NULL,
    said_at  BIGINT NOT NULL, -- 0: nobody said so
    PRIMARY KEY (app_id, key_id)
);

-- +goose Down
DROP TABLE key_reads;
