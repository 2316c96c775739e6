-- +goose Up
-- Messages of apps that were refused, redacted: what an admin looks at beside the
-- audit line. Of each app so many are kept, those that are proven to be the app's
-- apart from those that anybody may have sent.

CREATE TABLE refused_messages (
    bucket      TEXT NOT NULL, -- whose they are
    slot        BIGINT NOT NULL, -- the oldest is written over
    n           BIGINT NOT NULL, -- the how many it is in its bucket
    event_id    TEXT NOT NULL,
    correlation TEXT NOT NULL,
    binding     TEXT NOT NULL,
    message     TEXT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (bucket, slot)
);

CREATE INDEX refused_messages_correlation ON refused_messages (correlation);
CREATE INDEX refused_messages_expiry ON refused_messages (expires_at);

-- +goose Down
DROP TABLE refused_messages;
