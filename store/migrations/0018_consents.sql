-- +goose Up
-- What people have allowed apps that are not their organisation's own. It goes
-- with the person, and with the app. One that is being taken back counts no
-- more, and stays until all that was given out on it has ended.

CREATE TABLE consents (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    scopes     TEXT NOT NULL, -- space-separated
    given_at   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL DEFAULT 0, -- 0: it stands
    version    BIGINT NOT NULL,
    UNIQUE (user_id, app_id)
);
CREATE INDEX consents_app ON consents (app_id);
