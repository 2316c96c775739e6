-- +goose Up
-- Whether something for a person is in the mail already is asked for each time
-- somebody wishes for more.

CREATE INDEX mails_waiting ON mails (user_id, kind) WHERE finished_at = 0;

-- +goose Down
DROP INDEX mails_waiting;
