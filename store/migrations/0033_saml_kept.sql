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

-- What else an app was told in a session a person is called, beside the first name,
-- which stands in participants: in another format, or since they were renamed.

CREATE TABLE participant_names (
    session_id        TEXT NOT NULL,
    app_id            TEXT NOT NULL,
    name_id           TEXT NOT NULL,
    name_id_format    TEXT NOT NULL,
    name_qualifier    TEXT NOT NULL,
    sp_name_qualifier TEXT NOT NULL,
    told_at           BIGINT NOT NULL,
    PRIMARY KEY (session_id, app_id, name_id_format, name_id),
    FOREIGN KEY (session_id, app_id) REFERENCES participants (session_id, app_id)
);

CREATE INDEX participant_names_name ON participant_names (app_id, name_id);

-- +goose Down
DROP TABLE participant_names;
DROP TABLE refused_messages;
