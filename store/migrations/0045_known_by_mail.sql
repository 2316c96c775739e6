-- +goose Up
-- A browser in which nothing was given but a code from a mail speaks for nobody beside
-- a link from a mail: whoever reads the mails has both. Which of those that are known
-- came so, nobody noted: it is what may have, until a password or a passkey is given
-- there.

ALTER TABLE known_devices ADD COLUMN by_mail BIGINT NOT NULL DEFAULT 0;
UPDATE known_devices SET by_mail = 1 WHERE vouched = 1 AND EXISTS (SELECT 1 FROM house_policy WHERE email_code = 1);

-- +goose Down
ALTER TABLE known_devices DROP COLUMN by_mail;
