package e2e

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/web/api/client"
)

// desk is the app that each of its people uses by a grant of their own, which
// comes and goes.
const desk = 4

// twice presents one code or refresh token at two nodes at once. Of a code one
// may win; of a refresh token both may get the next one. Or it comes again with a
// refresh token whose successor was spent.
func (c *crowd) twice(proc int, p *person) {
	kind := []string{"code", "refresh", "refresh"}[mathrand.IntN(3)]
	held, ok := p.draw(kind, true)
	if !ok || kind == "code" && time.Since(held.madeAt) > codeLife {
		return
	}
	if kind == "refresh" && mathrand.IntN(2) == 0 {
		if next, ok := p.take(kind, c.rotate(proc, p, held).Made); ok && c.rotate(proc, p, next).Result == saidYes {
			c.rotate(proc, p, held)
		}
		return
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if kind == "code" {
				c.exchange(proc, p, held)
				return
			}
			c.rotate(proc, p, held)
		})
	}
	both.Wait()
}

// take draws the pass that is among those.
func (p *person) take(kind string, among []string) (pass, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, held := range p.passes[kind] {
		if slices.Contains(among, held.id) {
			p.passes[kind] = slices.Delete(slices.Clone(p.passes[kind]), i, i+1)
			return held, true
		}
	}
	return pass{}, false
}

// signOut leaves by the button on every page.
func (c *crowd) signOut(proc int, p *person) {
	s, ok := p.draw("session", false)
	if !ok {
		return
	}
	page, err := c.ask(c.anyNode(), "/", nil, withSession(c, s))
	if err != nil || page.status != http.StatusOK {
		return
	}
	form := url.Values{"csrf": {fieldIn(csrfField, page.body)}}
	c.log.record(op{Proc: proc, Op: opSignOut, User: p.id, Cred: s.id, Node: c.anyNode()}, func(o *op) {
		r, err := c.ask(o.Node, "/signout", form, withSession(c, s))
		o.end(r, err, err == nil && r.status == http.StatusSeeOther && r.header.Get("Location") == "/signed-out")
	})
}

// endAll ends everything that a person holds; they may sign in again at once.
func (c *crowd) endAll(proc int, p *person) {
	c.log.record(op{Proc: proc, Op: opEndAll, User: p.id, Node: c.anyNode()}, func(o *op) {
		_, err := c.api(o.Node).EndSessions(context.Background(), p.id, "race")
		o.endAPI(err)
	})
}

// regrant takes the desk away from a person and gives it back.
func (c *crowd) regrant(proc int, p *person) {
	if p.grant == "" {
		return
	}
	app := c.apps[desk].name
	c.log.record(op{Proc: proc, Op: opUngrant, User: p.id, For: app, Node: c.anyNode()}, func(o *op) {
		_, err := c.api(o.Node).RemoveGrant(context.Background(), app, p.grant)
		o.endAPI(err)
	})
	uses := func() {
		tried := 0
		held := p.all("access")
		for i := len(held) - 1; i >= 0 && tried < 3; i-- {
			if held[i].app == desk {
				c.use(proc, p, opUserinfo, held[i])
				tried++
			}
		}
	}
	uses()
	defer func() {
		uses()
		for range 3 {
			c.exchangeLate(proc, p)
		}
	}()
	time.Sleep(mathrand.N(200 * time.Millisecond))
	for range 10 {
		done := c.log.record(op{Proc: proc, Op: opGrant, User: p.id, For: app, Node: c.anyNode()}, func(o *op) {
			given, err := c.api(o.Node).AddGrant(context.Background(), client.Grant{App: app, User: p.name})
			if o.endAPI(err) {
				p.grant = given.ID
			}
		})
		if done.Result == saidYes {
			return
		}
		// It may be there, by an answer that was lost.
		grants, err := c.api(c.anyNode()).Grants(context.Background(), app)
		if err != nil {
			continue
		}
		for _, g := range grants {
			if g.User == p.name {
				p.grant = g.ID
				return
			}
		}
	}
}

// readEpochs writes down the epoch of everybody, as the database has it, until
// stop is closed.
func (c *crowd) readEpochs(stop <-chan struct{}) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.env["GATEHOUSE_DATABASE"])
	if err != nil {
		return fmt.Errorf("read the epochs: %w", err)
	}
	defer conn.Close(ctx)
	for over := false; !over; {
		select {
		case <-stop:
			over = true // and once more
		case <-time.After(time.Second):
		}
		begun := c.log.now()
		rows, err := conn.Query(ctx, "SELECT id, epoch FROM users")
		if err != nil {
			return fmt.Errorf("read the epochs: %w", err)
		}
		var read []op
		o := op{Op: opEpoch, Call: begun, Result: saidYes}
		if _, err := pgx.ForEachRow(rows, []any{&o.User, &o.Epoch}, func() error {
			read = append(read, o)
			return nil
		}); err != nil {
			return fmt.Errorf("read the epochs: %w", err)
		}
		for i := range read {
			read[i].Return = c.log.now()
		}
		c.log.add(read...)
	}
	return nil
}
