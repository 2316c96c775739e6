package saml

import (
	"bytes"
	"io"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Choose reads an aggregate (EntitiesDescriptor) as it comes and returns the
// metadata of one service provider, as a document of its own. With an empty
// entityID that is the only one there is. Where there are several it returns none,
// and whom it holds, in order. The whole of it is read: an aggregate that names
// an entity twice, or has expired, is refused with idp.Invalid like a document
// that is no metadata; idp.NotFound where it has no such service provider.
//
// At most one entity is held, and what is listed. Nothing is said of a signature
// over the whole: it cannot be checked without holding the whole.
func (d *Documents) Choose(r io.Reader, entityID string) (document []byte, among []idp.ListedEntity, err error) {
	var until time.Time
	err = wire.ReadAggregate(r, d.Now(), func(e wire.Listed) error {
		if !e.SP {
			return nil
		}
		if e.EntityID == entityID || entityID == "" && len(among) == 0 {
			document, until = bytes.Clone(e.Document), e.ValidUntil
		}
		among = append(among, idp.ListedEntity{EntityID: e.EntityID, Name: clip(e.Name), Offset: e.Offset})
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, unusable(err)
	case len(among) == 0:
		return nil, nil, idp.Errorf(idp.Invalid, "The metadata cannot be used: no SPSSODescriptor for SAML 2.0.")
	case entityID == "" && len(among) > 1:
		return nil, among, nil
	case document == nil:
		return nil, among, idp.Errorf(idp.NotFound, "There is no service provider %s in this file.", clip(entityID))
	}
	document, err = wire.Until(document, until)
	return document, among, err
}
