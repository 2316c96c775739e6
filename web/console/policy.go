package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/idp"
	"gatehouse/web/ui"
)

// policyView shows the policy as sentences, and asks for what is to be added.
type policyView struct {
	Version   string
	Rules     []ruleRow
	Ways      []string // by what people may sign in, in sentences
	Sentences []string // of how long sessions last
	// Remembered says for how long browsers are.
	Remembered []string

	Groups, Apps []ui.Choice
	Who, App     string // of the rule that was typed
	Factor       string // second, passkey or empty
	When         string // risk, let_in or empty
	MaxAge       string

	EmailCode    bool // people may sign in by a code from a mail
	MailRecovers bool // a link from a mail is enough to choose a new password
	Mails        bool // the house sends any

	Idle, Absolute string // as typed
	Remember       string // days, as typed
	Errors         map[string]string
	Wrong          string

	// LocksOut is whom the change that was typed locks out, or asks for a code by mail,
	// and that has not been made; Change says what it was.
	LocksOut idp.LockedOut
	Change   []ui.Pair
	Action   string
}

// ruleRow is one rule, by its place.
type ruleRow struct{ Place, Sentence string }

func (c *Console) policy(w http.ResponseWriter, r *http.Request) error {
	p, err := c.Store.Policy(r.Context())
	if err != nil {
		return err
	}
	v, err := c.policyView(r.Context(), p)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, policyPage(v))
}

func (c *Console) policyView(ctx context.Context, p idp.Policy) (policyView, error) {
	v := policyView{
		Version: strconv.FormatInt(p.Version, 10), Ways: p.Ways(), Sentences: p.Lasting(), Remembered: p.Remembering(), Factor: "second",
		Idle: spanTyped(p.Idle), Absolute: spanTyped(p.Absolute), EmailCode: p.EmailCode, MailRecovers: p.MailRecovers, Mails: c.Directory.Mails,
	}
	if p.Remember > 0 {
		v.Remember = strconv.Itoa(int(p.Remember / (24 * time.Hour)))
	}
	groups, err := c.Store.Groups(ctx)
	if err != nil {
		return v, err
	}
	apps, err := c.Store.Apps(ctx)
	if err != nil {
		return v, err
	}
	groupNames, appNames := map[idp.GroupID]string{}, map[idp.AppID]string{}
	v.Groups = []ui.Choice{{Value: "", Label: "Everybody"}, {Value: "owners", Label: "Owners"}}
	for _, g := range groups {
		groupNames[g.ID] = g.Name
		v.Groups = append(v.Groups, ui.Choice{Value: string(g.ID), Label: "People in " + g.Name})
	}
	v.Apps = []ui.Choice{{Value: "", Label: "every sign-in"}}
	for _, a := range apps {
		appNames[a.ID] = a.Name
		if !a.Removed() {
			v.Apps = append(v.Apps, ui.Choice{Value: string(a.ID), Label: a.Name})
		}
	}
	for i, r := range p.Rules {
		v.Rules = append(v.Rules, ruleRow{strconv.Itoa(i), r.Sentence(groupNames[r.GroupID], appNames[r.AppID])})
	}
	return v, nil
}

// choose marks what was chosen.
func choose(choices []ui.Choice, value string) {
	for i := range choices {
		choices[i].Chosen = choices[i].Value == value
	}
}

// policyRuleAdd adds a rule. Where it locks somebody out, it says whom first.
func (c *Console) policyRuleAdd(w http.ResponseWriter, r *http.Request) error {
	return c.policyChange(w, r, "rules", func(p *idp.Policy) error {
		rule := idp.PolicyRule{AppID: idp.AppID(r.FormValue("app")), SecondFactor: r.FormValue("factor") == "second", Passkey: r.FormValue("factor") == "passkey"}
		rule.Risk = r.FormValue("when") == "risk" || r.FormValue("when") == "let_in"
		rule.LetIn = r.FormValue("when") == "let_in"
		switch who := r.FormValue("who"); who {
		case "":
		case "owners":
			rule.Owners = true
		default:
			rule.GroupID = idp.GroupID(who)
		}
		var err error
		rule.MaxAge, err = typedSpan("max_age", r.FormValue("max_age"))
		p.Rules = append(slices.Clone(p.Rules), rule)
		return err
	})
}

func (c *Console) policyRuleRemove(w http.ResponseWriter, r *http.Request) error {
	return c.policyChange(w, r, "rules/remove", func(p *idp.Policy) error {
		i, err := strconv.Atoi(r.FormValue("rule"))
		if err != nil || i < 0 || i >= len(p.Rules) {
			return idp.Errorf(idp.Invalid, "There is no such rule any more. Open the page again.")
		}
		p.Rules = slices.Delete(slices.Clone(p.Rules), i, i+1)
		return nil
	})
}

func (c *Console) policyLengths(w http.ResponseWriter, r *http.Request) error {
	return c.policyChange(w, r, "lengths", func(p *idp.Policy) error {
		var err, wrong error
		if p.Idle, err = typedSpan("idle", r.FormValue("idle")); err != nil {
			wrong = err
		}
		if p.Absolute, err = typedSpan("absolute", r.FormValue("absolute")); err != nil {
			wrong = err
		}
		return wrong
	})
}

// policyWays sets by what else than password and passkey people may sign in, and
// whether they come back by one proof.
func (c *Console) policyWays(w http.ResponseWriter, r *http.Request) error {
	return c.policyChange(w, r, "ways", func(p *idp.Policy) error {
		p.EmailCode, p.MailRecovers = r.FormValue("email_code") == "yes", r.FormValue("mail_recovers") == "yes"
		return nil
	})
}

// policyRemember sets for how many days browsers may be remembered.
func (c *Console) policyRemember(w http.ResponseWriter, r *http.Request) error {
	return c.policyChange(w, r, "remember", func(p *idp.Policy) error {
		typed := strings.TrimSpace(r.FormValue("remember"))
		if typed == "" {
			p.Remember = 0
			return nil
		}
		n, err := strconv.ParseUint(typed, 10, 7)
		if err != nil || n == 0 {
			return fieldError("remember", "Type a number of days, 1 to 90, or leave it empty.")
		}
		p.Remember = time.Duration(n) * 24 * time.Hour
		return nil
	})
}

func typedSpan(field, typed string) (time.Duration, error) {
	if typed == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(typed)
	if err != nil || d <= 0 {
		return 0, fieldError(field, "Type a time span like 15m or 8h, or leave it empty.")
	}
	return d, nil
}

func fieldError(field, words string) error {
	return &idp.Error{Kind: idp.Invalid, Detail: words, Fields: map[string]string{field: words}}
}

// policyChange changes the policy on the version that the form was made from, and
// shows the form again with what was wrong, or with whom the change locks out.
func (c *Console) policyChange(w http.ResponseWriter, r *http.Request, action string, change func(*idp.Policy) error) error {
	ctx := r.Context()
	was, err := c.Store.Policy(ctx)
	if err != nil {
		return err
	}
	p := was
	wrong := change(&p)
	if r.FormValue("version") != strconv.FormatInt(was.Version, 10) {
		wrong = idp.Errorf(idp.Conflict, "The policy has changed meanwhile. This is how it is now.")
	}
	var out idp.LockedOut
	if wrong == nil {
		if out, wrong = c.Directory.LockedOut(ctx, p); wrong == nil && (out.Sentence() == "" || r.FormValue("accept") == "yes") {
			if _, wrong = c.Directory.SetPolicy(ctx, p, r.FormValue("accept") == "yes"); wrong == nil {
				return ui.SeeOther(w, r, "/console/policy")
			}
		}
	}
	v, err := c.policyView(ctx, was)
	if err != nil {
		return err
	}
	v.typed(r)
	if wrong == nil {
		v.LocksOut, v.Action = out, "/console/policy/"+action
		v.EmailCode, v.MailRecovers = p.EmailCode, p.MailRecovers
		return ui.Render(w, r, http.StatusConflict, policyPage(v))
	}
	e, ok := errors.AsType[*idp.Error](wrong)
	if !ok || e.Kind != idp.Invalid && e.Kind != idp.Conflict && e.Kind != idp.Denied {
		return wrong
	}
	v.Errors, v.Wrong = e.Fields, e.Detail
	for _, field := range []string{"max_age", "idle", "absolute", "remember"} {
		if e.Fields[field] != "" {
			v.Wrong = ""
		}
	}
	return ui.Render(w, r, e.Kind.Status(), policyPage(v))
}

// typed keeps what was typed, to be shown again, and accepted.
func (v *policyView) typed(r *http.Request) {
	if r.Form.Has("who") {
		v.Who, v.App, v.MaxAge, v.Factor = r.FormValue("who"), r.FormValue("app"), r.FormValue("max_age"), r.FormValue("factor")
		v.When = r.FormValue("when")
		choose(v.Groups, v.Who)
		choose(v.Apps, v.App)
	}
	if r.Form.Has("idle") {
		v.Idle, v.Absolute = r.FormValue("idle"), r.FormValue("absolute")
	}
	if r.Form.Has("remember") {
		v.Remember = r.FormValue("remember")
	}
	for _, name := range []string{"who", "app", "factor", "when", "max_age", "rule", "email_code", "mail_recovers", "idle", "absolute", "remember"} {
		if r.Form.Has(name) {
			v.Change = append(v.Change, ui.Pair{Key: name, Value: r.FormValue(name)})
		}
	}
}
