-- +goose Up
-- What people have allowed apps that are not their organisation's own. It goes
-- with the person, and with the app.

CREATE TABLE consents (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    scopes     TEXT NOT NULL, -- space-separated
    given_at   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    UNIQUE (user_id, app_id)
);
CREATE INDEX consents_app ON consents (app_id);
