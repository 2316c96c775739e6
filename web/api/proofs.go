package api

import (
	"context"
	"net/http"
	"strconv"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// Proofs is what was signed and sealed.
type Proofs interface {
	SignedReceipt(ctx context.Context, id idp.ReceiptID, version int64) (idp.SignedReceipt, error)
	Links(ctx context.Context, after int64, n int) ([]idp.ChainLink, error)
	Checkpoints(ctx context.Context, after int64, n int) ([]idp.Checkpoint, error)
	LastCheckpoint(ctx context.Context) (idp.Checkpoint, error)
	Unchained(ctx context.Context, after idp.EventID) ([]idp.AuditRow, idp.EventID, error)
}

func (a *API) receiptSigned(r *http.Request, _ caller) (int, any, error) {
	id := r.PathValue("receipt")
	if !idp.ValidID("rcp", id) {
		return 0, nil, idp.Errorf(idp.NotFound, "There is no receipt %q.", id)
	}
	version := int64(0)
	if in := r.URL.Query().Get("version"); in != "" {
		var err error
		if version, err = strconv.ParseInt(in, 10, 64); err != nil || version < 1 {
			return 0, nil, idp.Errorf(idp.Invalid, "Versions are numbered from 1. Leave it out for the newest.").Because(err)
		}
	}
	v, err := a.Store.SignedReceipt(r.Context(), idp.ReceiptID(id), version)
	if idp.IsKind(err, idp.NotFound) {
		if _, none := a.Store.Receipt(r.Context(), idp.ReceiptID(id)); none != nil {
			return 0, nil, orNone(none, "receipt", id)
		}
		return 0, nil, idp.Errorf(idp.NotFound, "There is no such version. The first is signed within seconds after the lines were listed.").Because(err)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.SignedReceipt{
		ID: string(v.ReceiptID), Version: v.Version, SignedAt: v.SignedAt, Final: v.Final, Hash: v.Hash, JWS: v.JWS,
	}, nil
}

// place reads after of a list that goes by position.
func place(r *http.Request) (after int64, limit int, err error) {
	text, limit := paging(r)
	if text == "" {
		return 0, limit, nil
	}
	if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
		return 0, 0, idp.Errorf(idp.Invalid, "This page does not exist. Start again at the first one.").Because(err)
	}
	return after, limit, nil
}

func (a *API) chainList(r *http.Request, _ caller) (int, any, error) {
	after, limit, err := place(r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.Store.Links(r.Context(), after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := client.Page[client.ChainLink]{Items: each(found, func(l idp.ChainLink) client.ChainLink {
		link := client.ChainLink{Position: l.Position, EventID: string(l.EventID), Hash: l.Hash, SealedAt: l.SealedAt}
		if l.Row != nil {
			row := auditRow(*l.Row)
			link.Row = &row
		}
		return link
	})}
	if len(found) == limit {
		out.Next = strconv.FormatInt(found[limit-1].Position, 10)
	}
	return http.StatusOK, out, nil
}

func auditRow(e idp.AuditRow) client.AuditRow {
	return client.AuditRow{
		ID: string(e.ID), At: e.AtMicros, Kind: e.Kind, Actor: e.Actor, UserID: string(e.UserID), AppID: string(e.AppID),
		SessionID: string(e.SessionID), Detail: e.Detail, Position: e.Position,
	}
}

func (a *API) checkpointList(r *http.Request, _ caller) (int, any, error) {
	if r.URL.Query().Get("newest") == "true" {
		c, err := a.Store.LastCheckpoint(r.Context())
		if err != nil {
			return 0, nil, orNothingSigned(err)
		}
		return http.StatusOK, client.Page[client.Checkpoint]{Items: []client.Checkpoint{checkpoint(c)}}, nil
	}
	after, limit, err := place(r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.Store.Checkpoints(r.Context(), after, limit)
	if err != nil {
		return 0, nil, err
	}
	out := client.Page[client.Checkpoint]{Items: each(found, checkpoint)}
	if len(found) == limit {
		out.Next = strconv.FormatInt(found[limit-1].Position, 10)
	}
	return http.StatusOK, out, nil
}

func checkpoint(c idp.Checkpoint) client.Checkpoint {
	return client.Checkpoint{Position: c.Position, Hash: c.Hash, SignedAt: c.SignedAt, JWS: c.JWS}
}

func orNothingSigned(err error) error {
	if idp.IsKind(err, idp.NotFound) {
		return idp.Errorf(idp.NotFound, "Nothing of the audit log is signed yet. The first lines are within a few seconds.").Because(err)
	}
	return err
}

func (a *API) unchainedList(r *http.Request, _ caller) (int, any, error) {
	after, _ := paging(r)
	found, next, err := a.Store.Unchained(r.Context(), idp.EventID(after))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Page[client.AuditRow]{Items: each(found, auditRow), Next: string(next)}, nil
}
