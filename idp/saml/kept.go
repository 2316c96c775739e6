package saml

import (
	"context"

	"gatehouse/idp"
	"gatehouse/idp/saml/wire"
)

// A message that is refused is kept for a while beside its audit line, redacted,
// so that an admin need not ask for it.

// noteRefused writes down a refusal, with the message that came; m is nil where
// none could be read.
func (p *Provider) noteRefused(ctx context.Context, e idp.Event, m *wire.Message, proven bool) {
	if m == nil {
		p.note(ctx, e)
		return
	}
	e.ID, e.At, e.Actor = idp.NewEventID(), p.now(), idp.ActorOf(ctx)
	kept := idp.RefusedMessage{Proven: proven, Binding: string(m.Binding), Text: wire.Redacted(m.Root)}
	if err := p.Store.RecordRefused(ctx, e, kept); err != nil {
		p.Log.ErrorContext(ctx, "audit line not written", "kind", e.Kind, "error", err)
	}
}

// message is what came of a request. One that went on through the browser is told
// again by what was kept of it.
func (req *request) message() *wire.Message {
	if req.came != nil || req.ID == "" {
		return req.came
	}
	again := wire.AuthnRequest{
		ID: req.ID, Issuer: req.Issuer, IssueInstant: req.IssuedAt, ACSURL: req.ACS, ForceAuthn: req.ForceAuthn, IsPassive: req.IsPassive,
		AttributeIndex: req.Attributes, NameIDPolicy: wire.NameIDPolicy{Format: req.Format},
		RequestedAuthnContext: wire.RequestedAuthnContext{Comparison: req.Comparison, ClassRefs: req.Classes},
	}
	return &wire.Message{Binding: wire.POST, Root: again.Element()}
}
