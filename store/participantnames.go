package store

import (
	"context"
	"time"

	"gatehouse/idp"
)

const (
	nameParticipant = `INSERT INTO participant_names (session_id, app_id, name_id, name_id_format, name_qualifier, sp_name_qualifier, told_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`
	namesTold = `SELECT p.session_id, p.app_id, p.user_id, p.session_index, n.name_id, n.name_id_format,
		n.name_qualifier, n.sp_name_qualifier, p.first_at, p.last_answer_at
		FROM participant_names n JOIN participants p ON p.session_id = n.session_id AND p.app_id = n.app_id WHERE n.session_id IN (`
	namesOrder            = `) ORDER BY n.session_id, n.app_id, n.told_at, n.name_id_format, n.name_id`
	namesToldSQLite       = namesTold + `SELECT value FROM json_each($1)` + namesOrder
	namesToldPostgres     = namesTold + `SELECT jsonb_array_elements_text(CAST($1 AS JSONB))` + namesOrder
	participantsNamedAlso = `SELECT p.session_id, p.app_id, p.user_id, p.session_index, n.name_id, n.name_id_format,
		n.name_qualifier, n.sp_name_qualifier, p.first_at, p.last_answer_at
		FROM participant_names n JOIN participants p ON p.session_id = n.session_id AND p.app_id = n.app_id
		WHERE n.app_id = $1 AND n.name_id = $2` + participantsNewest
)

// NameParticipant writes down, beside the name that its participant has, another
// one that an app is told in a session.
func (s *Store) NameParticipant(ctx context.Context, session idp.SessionID, app idp.AppID, n idp.NameID, now time.Time) error {
	_, err := s.exec(ctx, "name a participant", nameParticipant, session, app, n.Value, n.Format, n.NameQualifier, n.SPNameQualifier, us(now))
	return err
}

// NamesTold returns what else apps were told in these sessions beside the name
// that their participants have, as a participant of its own each, oldest first.
// One statement, none for no session.
func (s *Store) NamesTold(ctx context.Context, sessions []idp.SessionID) ([]idp.Participant, error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	return list(ctx, s, "names of participants", func(r row) (idp.Participant, error) {
		p, err := scanParticipant(r)
		p.Also = true
		return p, err
	}, s.db.dialect(namesToldSQLite, namesToldPostgres), asJSON(sessions))
}

// ParticipantsNamedAlso is ParticipantsNamed by such a name; each has that as its
// NameID.
func (s *Store) ParticipantsNamedAlso(ctx context.Context, app idp.AppID, name string) ([]idp.Participant, error) {
	return list(ctx, s, "participants of a name", scanParticipant, participantsNamedAlso, app, name)
}
