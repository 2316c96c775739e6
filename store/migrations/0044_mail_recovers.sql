-- +goose Up
-- Whether a link from a mail is enough to choose a new password.

ALTER TABLE house_policy ADD COLUMN mail_recovers BIGINT NOT NULL DEFAULT 0; -- 1: for who has nothing but the password

-- +goose Down
ALTER TABLE house_policy DROP COLUMN mail_recovers;
