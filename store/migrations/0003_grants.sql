-- +goose Up
-- What a grant that ends takes with it is found by app, and grants by their end.

CREATE INDEX token_families_app ON token_families (app_id) WHERE revoked_at = 0;
CREATE INDEX participants_app ON participants (app_id, session_id);
CREATE INDEX grants_until ON grants (until_at) WHERE until_at <> 0;
