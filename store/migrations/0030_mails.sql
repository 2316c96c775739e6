-- +goose Up
-- Mails that wait to be sent, and for a while what became of them. No secret is
-- in them: a link is made when its mail is sent. epoch and generation are what
-- that link is made by.

CREATE TABLE mails (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    user_id       TEXT NOT NULL, -- '': it was asked for in a name that nobody has
    epoch         BIGINT NOT NULL,
    generation    TEXT NOT NULL,
    language      TEXT NOT NULL,
    data          TEXT NOT NULL, -- JSON object of texts
    attempts      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    next_at       BIGINT NOT NULL,
    claimed_by    TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    state         TEXT NOT NULL, -- waiting, sent, dropped, failed
    answer        TEXT NOT NULL,
    finished_at   BIGINT NOT NULL
);
CREATE INDEX mails_due ON mails (next_at, id) WHERE finished_at = 0;
CREATE INDEX mails_finished ON mails (finished_at) WHERE finished_at <> 0;

-- +goose Down
DROP TABLE mails;
