package store

import (
	"context"

	"gatehouse/idp"
)

const (
	selectTruth = `SELECT ` + appColumns + `, h.generation, h.cut_before, c.n, `
	truthFrom   = ` FROM apps a CROSS JOIN house h CROSS JOIN counter c `

	truthOfToken = selectTruth + `CASE WHEN EXISTS (SELECT 1 FROM ended_tokens x WHERE x.id = $2) THEN 1 ELSE 0 END` +
		truthFrom + `WHERE a.id = $1`
	truthByIdentifier = selectTruth + `0` + truthFrom + `WHERE a.identifier = $2 AND a.protocol = $1`
)

// AppTruth finds an app with what its own passes hang on, and whether this token
// of it was ended, of one moment. One statement.
func (s *Store) AppTruth(ctx context.Context, id idp.AppID, token idp.TokenID) (idp.AppTruth, error) {
	t, _, err := s.truth(ctx, truthOfToken, id, token)
	return t, err
}

// AppTruthByIdentifier is AppTruth of the app with this client_id or entityID,
// in the tongue it speaks.
func (s *Store) AppTruthByIdentifier(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, error) {
	t, _, err := s.AppTruthByIdentifierAt(ctx, p, identifier)
	return t, err
}

// AppTruthByIdentifierAt is AppTruthByIdentifier with the number of the newest
// row of the log at that moment.
func (s *Store) AppTruthByIdentifierAt(ctx context.Context, p idp.Protocol, identifier string) (idp.AppTruth, int64, error) {
	return s.truth(ctx, truthByIdentifier, p, identifier)
}

func (s *Store) truth(ctx context.Context, sql string, args ...any) (t idp.AppTruth, n int64, err error) {
	t, err = one(ctx, s, "app", func(r row) (t idp.AppTruth, err error) {
		var a appRow
		if err := r.Scan(append(a.dest(), &t.Generation, at(&t.CutBefore), &n, flag(&t.TokenEnded))...); err != nil {
			return t, err
		}
		t.App, err = s.app(&a)
		return t, err
	}, sql, args...)
	return t, n, err
}
