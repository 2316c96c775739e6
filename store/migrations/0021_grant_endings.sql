-- +goose Up
-- Every code that is exchanged asks which grants have ended since it was issued.

CREATE INDEX endings_grants ON endings (n) WHERE kind = 'grant';
