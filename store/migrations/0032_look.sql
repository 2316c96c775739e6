-- +goose Up
-- The language of each person, and how the pages that everybody sees look.

ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- a BCP 47 tag; empty: the browser's
ALTER TABLE users ADD COLUMN deletion_asked_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_deletion ON users (deletion_asked_at, id) WHERE deletion_asked_at <> 0;
ALTER TABLE sign_ins ADD COLUMN ui_locales TEXT NOT NULL DEFAULT ''; -- OpenID Connect Core 1.0, 3.1.2.1

CREATE TABLE house_look (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    name       TEXT NOT NULL,
    language   TEXT NOT NULL,
    accent     TEXT NOT NULL,
    logo       TEXT NOT NULL, -- base64
    logo_type  TEXT NOT NULL,
    deletion   BIGINT NOT NULL, -- people may ask to be deleted
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
INSERT INTO house_look (id, name, language, accent, logo, logo_type, deletion, updated_at, version)
    VALUES (1, '', '', '', '', '', 0, 0, 1);

-- +goose Down
DROP TABLE house_look;
ALTER TABLE sign_ins DROP COLUMN ui_locales;
DROP INDEX users_deletion;
ALTER TABLE users DROP COLUMN deletion_asked_at;
ALTER TABLE users DROP COLUMN language;
