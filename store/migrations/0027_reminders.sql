-- +goose Up
-- What was said of a certificate that comes to its end, so that many nodes say it
-- once.

CREATE TABLE reminders (
    subject TEXT NOT NULL, -- which certificate, of whom
    days    BIGINT NOT NULL, -- before its end
    at      BIGINT NOT NULL,
    PRIMARY KEY (subject, days)
);

-- +goose Down
DROP TABLE reminders;
