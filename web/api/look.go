package api

import (
	"encoding/base64"
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

func (a *API) lookShow(r *http.Request, _ caller) (int, any, error) {
	l, err := a.Store.Look(r.Context())
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, look(l), nil
}

func (a *API) lookSet(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[client.Look](r)
	if err != nil {
		return 0, nil, err
	}
	was, err := a.Store.Look(r.Context())
	if err != nil {
		return 0, nil, err
	}
	want, err := wantedLook(in, was)
	if err != nil {
		return 0, nil, err
	}
	l, err := a.Directory.SetLook(r.Context(), want)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, look(l), nil
}

func look(l idp.Look) client.Look {
	out := client.Look{Name: l.Name, Language: l.Language, Accent: l.Accent, LogoType: l.Logo.Type, DeletionRequests: l.DeletionRequests}
	if len(l.Logo.Data) > 0 {
		logo := base64.StdEncoding.EncodeToString(l.Logo.Data)
		out.Logo = &logo
	}
	return out
}

// wantedLook is what in says, over was: a logo that it does not name stays.
func wantedLook(in client.Look, was idp.Look) (idp.Look, error) {
	l := idp.Look{
		Name: in.Name, Language: in.Language, Accent: in.Accent, Logo: was.Logo, DeletionRequests: in.DeletionRequests, Version: was.Version,
	}
	if in.Logo != nil {
		data, err := base64.StdEncoding.DecodeString(*in.Logo)
		if err != nil {
			detail := "A logo is written in base64."
			return l, &idp.Error{Kind: idp.Invalid, Detail: detail, Fields: map[string]string{"logo": detail}, Cause: err}
		}
		l.Logo = idp.Image{Data: data}
	}
	return l, nil
}
