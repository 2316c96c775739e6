-- +goose Up
-- Random values of the whole house, made once and sealed: they must outlive a
-- change of the root key.

CREATE TABLE house_secrets (
    name       TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE house_secrets;
