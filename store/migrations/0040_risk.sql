-- +goose Up
-- Rules may ask more where a sign-in is a risk: in a browser for which nothing
-- speaks but the first factor. What speaks for one is kept with it, and with what
-- begins there: 0 nothing, 1 a code or a link from a mail, 2 a second factor, 3 a
-- passkey, or that it was the person's first before any rule asked.

ALTER TABLE known_devices ADD COLUMN vouched BIGINT NOT NULL DEFAULT 0;
UPDATE known_devices SET vouched = 2 WHERE trusted_at <> 0;
UPDATE known_devices SET vouched = 3 WHERE asks = 0;
ALTER TABLE sign_ins ADD COLUMN vouched BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sign_ins ADD COLUMN confirm BIGINT NOT NULL DEFAULT 0; -- 1: by a code from a mail; 2: that is asked for and cannot be
ALTER TABLE sessions ADD COLUMN vouched BIGINT NOT NULL DEFAULT 0; -- what spoke for the browser when it began, or was renewed

-- +goose Down
ALTER TABLE sessions DROP COLUMN vouched;
ALTER TABLE sign_ins DROP COLUMN confirm;
ALTER TABLE sign_ins DROP COLUMN vouched;
ALTER TABLE known_devices DROP COLUMN vouched;
