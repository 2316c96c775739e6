package saml

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// Choose reads an aggregate (EntitiesDescriptor) as it comes and returns the
// metadata of one service provider, as a document of its own. With an empty
// entityID that is the only one there is. Where there are several it returns none,
// and whom it holds, in order. The whole of it is read: an aggregate that names
// an entity twice, or has expired, is refused with idp.Invalid like a document
// that is no metadata; idp.NotFound where it has no such service provider among
// several.
//
// With a pin, the certificate (PEM) that signs it, what it returns is what that has
// signed; idp.Invalid where the root is not signed by it, or anything in it was
// changed since. Without one nothing vouches for it, signed or not.
//
// At most one entity is held, and what is listed.
func (d *Documents) Choose(r io.Reader, entityID, pin string) (document []byte, among []idp.ListedEntity, err error) {
	var found wire.Around
	each := func(e wire.Listed) error {
		if !e.SP {
			return nil
		}
		if e.EntityID == entityID || len(among) == 0 {
			document, found = bytes.Clone(e.Document), e.Around
		}
		among = append(among, idp.ListedEntity{EntityID: e.EntityID, Name: clip(e.Name), Offset: e.Offset})
		return nil
	}
	now := d.Now()
	if err := readAggregate(r, pin, now, each); err != nil {
		return nil, nil, err
	}
	known := slices.ContainsFunc(among, func(e idp.ListedEntity) bool { return e.EntityID == entityID })
	switch {
	case len(among) == 0:
		return nil, nil, idp.Errorf(idp.Invalid, "The metadata cannot be used: no SPSSODescriptor for SAML 2.0.")
	case entityID == "" && len(among) > 1:
		return nil, among, nil
	case !known && len(among) > 1:
		return nil, among, idp.Errorf(idp.NotFound, "There is no service provider %s in this file.", clip(entityID))
	}
	document, err = found.On(document)
	return document, among, err
}

func readAggregate(r io.Reader, pin string, now time.Time, each func(wire.Listed) error) error {
	if pin == "" {
		return unread(wire.ReadAggregate(r, now, each))
	}
	certs, err := certificates([]string{pin})
	if err != nil || len(certs) != 1 {
		return idp.Errorf(idp.Invalid, "The certificate that signs the document is to be one PEM block.").Because(err)
	}
	err = wire.ReadSignedAggregate(r, certs, now, each)
	if err == nil {
		return nil
	}
	return unproven(err, certs[0], now)
}

// unread is why a document cannot be used; that it did not arrive is said by
// whoever brought it.
func unread(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*idp.Error](err); ok {
		return e
	}
	return unusable(err)
}
