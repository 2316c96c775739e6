-- +goose Up
-- Browsers that people have signed in on. A browser's cookie holds one secret,
-- kept as a hash; there is a row for each person who has used it. A row is a
-- pass: it carries the proof of the sign-in by which it was made, and says
-- nothing any more when that does not stand.

CREATE TABLE known_devices (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users (id),
    secret_hash   TEXT NOT NULL,
    epoch         BIGINT NOT NULL,
    generation    TEXT NOT NULL,
    created_at    BIGINT NOT NULL, -- when the proof was given
    first_at      BIGINT NOT NULL, -- when the person first signed in here, whatever has ended since
    last_seen_at  BIGINT NOT NULL, -- at most a day behind
    address       TEXT NOT NULL,
    user_agent    TEXT NOT NULL,
    trusted_until BIGINT NOT NULL, -- no second factor is asked for here until then; 0: it is
    asks          BIGINT NOT NULL  -- 1: the person has not said yet whether that was them
);
CREATE UNIQUE INDEX known_devices_secret ON known_devices (secret_hash, user_id);
CREATE INDEX known_devices_user ON known_devices (user_id, last_seen_at);
CREATE INDEX known_devices_seen ON known_devices (last_seen_at);

-- +goose Down
DROP TABLE known_devices;
