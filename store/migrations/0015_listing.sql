-- +goose Up
-- What an ending cut is found page by page, whatever was there before: by
-- sessions that had not expired, by refresh tokens that outlive them, and by what
-- apps were told and never confirmed.

CREATE INDEX sessions_expiry ON sessions (expires_at, id);
CREATE INDEX sessions_user_expiry ON sessions (user_id, expires_at, id);

DROP INDEX participants_user;
CREATE INDEX participants_user ON participants (user_id, app_id, session_id);

CREATE INDEX token_families_offline ON token_families (expires_at, id) WHERE offline = 1;
CREATE INDEX token_families_revoked ON token_families (revoked_at) WHERE offline = 1 AND revoked_at <> 0;

-- The newest line of each kind says whether something may be open still.
DROP INDEX deliveries_told;
CREATE INDEX deliveries_unconfirmed ON deliveries (user_id, app_id, session_id, receipt_n)
    WHERE state NOT IN ('acknowledged', 'verified', 'ended');
CREATE INDEX deliveries_confirmed ON deliveries (user_id, app_id, session_id, receipt_n)
    WHERE state IN ('acknowledged', 'verified');
