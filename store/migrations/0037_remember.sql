-- +goose Up
-- Browsers in which a second factor was given need not be asked for it for a
-- while, and rules may ask for a passkey.

ALTER TABLE house_policy ADD COLUMN remember BIGINT NOT NULL DEFAULT 0; -- microseconds; 0: it is always asked for
ALTER TABLE house_policy ADD COLUMN remember_since BIGINT NOT NULL DEFAULT 0; -- the version by which remembering was last turned on
ALTER TABLE known_devices ADD COLUMN trusted_at BIGINT NOT NULL DEFAULT 0; -- when the second factor was given here
ALTER TABLE known_devices ADD COLUMN trusted_by BIGINT NOT NULL DEFAULT 0; -- the version of the policy by which it is trusted
ALTER TABLE sign_ins ADD COLUMN passkey BIGINT NOT NULL DEFAULT 0; -- 1: nothing but a passkey is enough
ALTER TABLE sign_ins ADD COLUMN remember BIGINT NOT NULL DEFAULT 0; -- 1: the browser may be remembered; 2: it is, and a second factor was left out
ALTER TABLE sessions ADD COLUMN remembered BIGINT NOT NULL DEFAULT 0; -- 1: begun in a remembered browser

-- +goose Down
ALTER TABLE sessions DROP COLUMN remembered;
ALTER TABLE sign_ins DROP COLUMN remember;
ALTER TABLE sign_ins DROP COLUMN passkey;
ALTER TABLE known_devices DROP COLUMN trusted_by;
ALTER TABLE known_devices DROP COLUMN trusted_at;
ALTER TABLE house_policy DROP COLUMN remember_since;
ALTER TABLE house_policy DROP COLUMN remember;
