package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/idp"
	"gatehouse/idp/mail"
	"gatehouse/store"
)

// mailServer reads who takes the mails of the house; nil for nobody.
func mailServer(address, from string) (*mail.Server, error) {
	if address == "" {
		return nil, nil
	}
	server, err := mail.ParseServer(address, from)
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_SMTP, GATEHOUSE_MAIL_FROM: %w", err)
	}
	return server, nil
}

// postman sends the mails of the house.
func (h *house) postman(c Config, log *slog.Logger) *mail.Worker {
	return &mail.Worker{
		Store: &mailStore{h.store, h.metrics}, Links: h.gate, Codes: h.login, Server: c.Mail, URL: c.URL.String(),
		House: cmp.Or(c.About.DisplayName, c.URL.Hostname()), Now: wallTime, Log: log,
	}
}

// mailStore is the store whose mails' audit lines are counted: an alarm may hang
// on mail.fail.
type mailStore struct {
	*store.Store
	metrics *metrics
}

func (m *mailStore) SaveMail(ctx context.Context, mail idp.Mail, hand string, events ...idp.Event) error {
	return m.metrics.written(m.Store.SaveMail(ctx, mail, hand, events...), events...)
}

// mailsEvery is how late a mail leaves; who asked for a link waits for it.
const mailsEvery = time.Second

// sendMails sends what is due until ctx ends.
func sendMails(ctx context.Context, h *house) {
	if h.mails == nil {
		return
	}
	atTimes(ctx, mailsEvery, h.cuts.closed, func() {
		if _, err := h.mails.Send(store.InBackground(ctx)); err != nil && ctx.Err() == nil {
			h.mails.Log.WarnContext(ctx, "mails wait", "error", err)
		}
	})
}
