-- +goose Up
-- What the house asks of people who sign in, and how long that lasts.

CREATE TABLE house_policy (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    rules      TEXT NOT NULL, -- JSON
    idle       BIGINT NOT NULL, -- microseconds, as all of these; 0: the house's own
    absolute   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
INSERT INTO house_policy (id, rules, idle, absolute, updated_at, version) VALUES (1, 'null', 0, 0, 0, 1);

-- +goose Down
DROP TABLE house_policy;
