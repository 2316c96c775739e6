-- +goose Up
-- Device authorization (RFC 8628): a device without a browser waits for a
-- person to confirm it in theirs. Both codes are kept as hashes. The row is
-- nobody's until then; the proof is that of the session that confirmed it.

CREATE TABLE device_codes (
    id             TEXT PRIMARY KEY, -- becomes that of the token family: inserting it spends the code
    code_hash      TEXT NOT NULL UNIQUE,
    user_code_hash TEXT NOT NULL UNIQUE,
    app_id         TEXT NOT NULL REFERENCES apps (id),
    app_epoch      BIGINT NOT NULL,
    scopes         TEXT NOT NULL,
    address        TEXT NOT NULL, -- of the device
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    wait           BIGINT NOT NULL, -- microseconds between two polls at least
    polled_at      BIGINT NOT NULL,
    hurried        BIGINT NOT NULL, -- 1: the last poll came too soon
    decided_at     BIGINT NOT NULL,
    denied         BIGINT NOT NULL,
    user_id        TEXT NOT NULL,
    epoch          BIGINT NOT NULL,
    generation     TEXT NOT NULL,
    session_id     TEXT NOT NULL,
    session_ends   BIGINT NOT NULL,
    auth_time      BIGINT NOT NULL,
    methods        TEXT NOT NULL,
    granted_n      BIGINT NOT NULL -- of the access by which it was confirmed
);
CREATE INDEX device_codes_expiry ON device_codes (expires_at);

-- +goose Down
DROP TABLE device_codes;
