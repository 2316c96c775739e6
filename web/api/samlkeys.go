package api

import (
	"net/http"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// leadOver is whom to lead to another SAML key: one app (to its next, or to Key),
// or Rest, all but those in Keep.
type leadOver struct {
	App  string   `json:"app,omitempty"`
	Key  string   `json:"key,omitempty"`
	Rest bool     `json:"rest,omitempty"`
	Keep []string `json:"keep,omitempty"`
}

type ofApp struct {
	App string `json:"app"`
}

type forced struct {
	Force bool `json:"force,omitempty"`
}

func (a *API) samlKeys(now idp.SAMLKeys, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	out := client.SAMLKeys{
		Keys: each(now.Keys, func(k idp.SigningKey) client.Certificate { return a.certificate(k, now.Keys) }),
		Apps: make([]client.AppKeys, len(now.Apps)),
	}
	for i, of := range now.Apps {
		out.Apps[i] = client.AppKeys{ID: string(of.App.ID), App: of.App.Name, Signs: string(of.Signs.ID), Reads: each(of.Reads, keyRead)}
		if of.Next != nil {
			out.Apps[i].Next = string(of.Next.ID)
			_, out.Apps[i].Ready = of.Has(of.Next.ID)
		}
	}
	return http.StatusOK, out, nil
}

func keyRead(r idp.KeyRead) client.KeyRead {
	return client.KeyRead{Key: string(r.KeyID), First: when(r.FirstAt), Last: when(r.LastAt), Address: r.Address, Agent: r.Agent, Said: when(r.SaidAt)}
}

func (a *API) certificate(k idp.SigningKey, keys []idp.SigningKey) client.Certificate {
	out := client.Certificate{Key: a.key(k, keys), PEM: k.Certificate}
	if c := idp.ReadCertificate(k.Certificate); c != nil {
		out.SHA256, out.NotAfter = idp.Fingerprint(c), c.NotAfter
	}
	return out
}

func (a *API) samlKeyList(r *http.Request, _ caller) (int, any, error) {
	return a.samlKeys(a.Directory.SAMLKeys(r.Context()))
}

func (a *API) samlKeyNext(r *http.Request, _ caller) (int, any, error) {
	return a.samlKeys(a.Directory.NextSAMLKeys(r.Context()))
}

func (a *API) samlKeyHad(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[ofApp](r)
	if err != nil {
		return 0, nil, err
	}
	found, err := a.app(r, in.App)
	if err != nil {
		return 0, nil, err
	}
	return a.samlKeys(a.Directory.SayAppHasKey(r.Context(), found.ID))
}

func (a *API) samlKeySwitch(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[leadOver](r)
	if err != nil {
		return 0, nil, err
	}
	if in.Rest == (in.App != "") || in.Rest && in.Key != "" || !in.Rest && len(in.Keep) > 0 {
		return 0, nil, idp.Errorf(idp.Invalid, "Name one app (and a key, if it is not the next), or say rest (and which apps to keep).")
	}
	if !in.Rest {
		found, err := a.app(r, in.App)
		if err != nil {
			return 0, nil, err
		}
		return a.samlKeys(a.Directory.SwitchApp(r.Context(), found.ID, idp.KeyID(in.Key)))
	}
	keep := make([]idp.AppID, len(in.Keep))
	for i, name := range in.Keep {
		found, err := a.app(r, name)
		if err != nil {
			return 0, nil, err
		}
		keep[i] = found.ID
	}
	return a.samlKeys(a.Directory.SwitchRest(r.Context(), keep))
}

func (a *API) samlKeyRetire(r *http.Request, _ caller) (int, any, error) {
	in, err := decode[forced](r)
	if err != nil {
		return 0, nil, err
	}
	return a.samlKeys(a.Directory.RetireSAMLKey(r.Context(), idp.KeyID(r.PathValue("key")), in.Force))
}
