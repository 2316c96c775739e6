-- +goose Up
-- Ways in and back by mail.

-- Whether something for a person is in the mail already is asked for each time
-- somebody wishes for more.
CREATE INDEX mails_waiting ON mails (user_id, kind) WHERE finished_at = 0;

ALTER TABLE house_policy ADD COLUMN email_code BIGINT NOT NULL DEFAULT 0; -- 1: people may sign in by a code from a mail

-- A code that was mailed for one sign-in: the newest, which replaces those before
-- it. mac is of the code and the sign-in, by a key that the database does not
-- hold. epoch and generation are those of the person when it was asked for.
CREATE TABLE mail_codes (
    sign_in_id TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    epoch      BIGINT NOT NULL,
    generation TEXT NOT NULL,
    mac        TEXT NOT NULL,
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX mail_codes_expiry ON mail_codes (expires_at);

-- +goose Down
DROP TABLE mail_codes;
ALTER TABLE house_policy DROP COLUMN email_code;
DROP INDEX mails_waiting;
