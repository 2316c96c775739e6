package store

import (
	"context"

	"gatehouse/idp"
)

const appTruth = `SELECT ` + appColumns + `, h.generation, h.cut_before FROM apps a CROSS JOIN house h WHERE a.id = $1`

// AppTruth finds an app with what its own passes hang on, of one moment. One
// statement.
func (s *Store) AppTruth(ctx context.Context, id idp.AppID) (idp.AppTruth, error) {
	return one(ctx, s, "app", func(r row) (t idp.AppTruth, err error) {
		var a appRow
		if err := r.Scan(append(a.dest(), &t.Generation, at(&t.CutBefore))...); err != nil {
			return t, err
		}
		t.App, err = s.app(&a)
		return t, err
	}, appTruth, id)
}
