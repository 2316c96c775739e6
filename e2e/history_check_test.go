package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gatehouse/web/api/client"
)

// The rules that a history is held against. The first three are I1 and I2.
const (
	usedAfterCut   = "accepted after the cut"
	issuedAfterCut = "issued after the cut"
	survived       = "accepted, though made before the cut"
	falseSuccess   = "a suspension that was none"
	turnedAway     = "refused, though nobody suspended"
	badReceipt     = "a receipt that is not true"
	spentTwice     = "spent twice"
	epochFell      = "an epoch that did not rise"
	outlivedEnd    = "accepted, though it was ended before"
	outlivedGrant  = "accepted or issued, though the app was taken away"
)

type violation struct {
	rule  string
	op    op
	cause string
}

func (v violation) String() string { return fmt.Sprintf("%s: %s\n\t%s", v.rule, v.op, v.cause) }

// verdict is what is wrong with a history, and how much of it was put to the
// proof: a history in which nothing was tried after a cut proves nothing.
type verdict struct {
	violations []violation
	afterCut   int // operations called after a suspension had returned and before any restore
	deadPasses int // times a pass from before a cut was presented after it
	afterBack  int // of these, with the person restored
	twice      int // codes and refresh tokens that were presented more than once
	epochs     int // pairs of epochs with an ending between them
	ended      int // times a pass was presented after it was ended
	ungranted  int // times an app that was taken away was asked for
}

// about are the kinds that neither present a pass to be accepted nor make one.
var about = []string{opSuspend, opRestore, opSignOut, opEndAll, opUngrant, opGrant, opEpoch}

// judge holds a history against I1 and I2, and what ends otherwise against the
// same. It takes each rule at its word: an
// operation is blamed only where no order of effects within the intervals
// excuses it.
func judge(ops []op) verdict {
	var v verdict
	for _, mine := range byUser(ops) {
		judgeUser(mine, &v)
		judgeSpent(mine, &v)
		judgeEpochs(mine, &v)
		judgeEnds(mine, &v)
		judgeGrants(mine, &v)
	}
	return v
}

// past is what the rules ask about one person.
type past struct {
	suspensions, restores []op
	anew                  []op          // sign-ins in a browser that had a session
	invites               []op          // a new link replaces the one before
	made                  map[string]op // by pass: what handed it out
	ends                  []op          // sign-outs, and ends of all that a person holds
	ungrants              []op
	spent                 map[string][]op  // by code or refresh token: who presented it
	stolen                map[string]int64 // by the code it began with: when a pass of a family came the second time
}

func byUser(ops []op) map[string][]op {
	users := map[string][]op{}
	for _, o := range ops {
		users[o.User] = append(users[o.User], o)
	}
	return users
}

func pastOf(mine []op) past {
	p := past{made: map[string]op{}, spent: map[string][]op{}}
	for _, o := range mine {
		switch o.Op {
		case opSuspend:
			p.suspensions = append(p.suspensions, o)
		case opRestore:
			p.restores = append(p.restores, o)
		case opSignOut, opEndAll:
			p.ends = append(p.ends, o)
		case opUngrant:
			p.ungrants = append(p.ungrants, o)
		case opExchange, opRefresh:
			p.spent[o.Cred] = append(p.spent[o.Cred], o)
		case opInvite:
			if o.Result != saidNo {
				p.invites = append(p.invites, o)
			}
		case opSignIn:
			if o.Replaces != "" && o.Result != saidNo {
				p.anew = append(p.anew, o)
			}
		}
		for _, pass := range o.Made {
			if _, again := p.made[pass]; !again {
				p.made[pass] = o
			}
		}
	}
	p.stolen = map[string]int64{}
	for pass, who := range p.spent {
		slices.SortFunc(who, func(a, b op) int { return cmp.Compare(a.Call, b.Call) })
		if len(who) < 2 {
			continue
		}
		of := p.family(pass)
		if at, known := p.stolen[of]; !known || who[1].Call < at {
			p.stolen[of] = who[1].Call
		}
	}
	return p
}

// family is the code that a token came of in the end; a code is its own.
func (p past) family(pass string) string {
	for {
		issue, known := p.made[pass]
		if !known || issue.Op != opExchange && issue.Op != opRefresh {
			return pass
		}
		pass = issue.Cred
	}
}

func judgeUser(mine []op, v *verdict) {
	p := pastOf(mine)
	for _, o := range mine {
		if slices.Contains(about, o.Op) {
			continue
		}
		cut, isAfter := p.afterCut(o)
		killer, isDead := p.deadFor(o)
		v.count(o, isAfter, isDead)
		switch {
		case o.Result == saidYes && isAfter && len(o.Made) > 0:
			v.blame(issuedAfterCut, o, cut)
		case o.Result == saidYes && isAfter:
			v.blame(usedAfterCut, o, cut)
		case o.Result == saidYes && isDead:
			v.blame(survived, o, killer)
		case o.Result == saidNo && !p.explains(o):
			v.violations = append(v.violations, violation{turnedAway, o, ""})
		}
	}
}

func (v *verdict) blame(rule string, o, suspension op) {
	v.violations = append(v.violations, violation{rule, o, suspension.String()})
}

func (v *verdict) count(o op, isAfter, isDead bool) {
	if isAfter {
		v.afterCut++
	}
	if isDead {
		v.deadPasses++
	}
	if isDead && !isAfter {
		v.afterBack++
	}
}

// afterCut finds a suspension that o may not get past (I1): it had returned
// success when o was called, and no restore had begun when o returned.
func (p past) afterCut(o op) (op, bool) {
	for _, s := range p.suspensions {
		if s.Result == saidYes && s.Return < o.Call && !p.restored(s, o.Return) {
			return s, true
		}
	}
	return op{}, false
}

// restored reports whether a restore that may have come after s had begun
// before that moment.
func (p past) restored(s op, before int64) bool {
	return slices.ContainsFunc(p.restores, func(r op) bool { return r.Return > s.Call && r.Call < before })
}

// deadFor finds a suspension that returned success before o was called and
// killed the pass that o presents (I2).
func (p past) deadFor(o op) (op, bool) {
	for _, s := range p.suspensions {
		if s.Result == saidYes && s.Return < o.Call && p.killed(o.Cred, s) {
			return s, true
		}
	}
	return op{}, false
}

// killed reports whether the pass was made before s or by an issue that
// overlapped it. An issue that may have come after a restore is excused,
// unless what it was made from was killed: then it can only have come before.
func (p past) killed(pass string, s op) bool {
	for pass != "" {
		issue, known := p.made[pass]
		if !known {
			return false
		}
		if issue.Return < s.Call || issue.Call < s.Return && !p.restored(s, issue.Return) {
			return true
		}
		pass = issue.Cred
	}
	return false
}

// explains reports whether a suspension can be why o was refused: one that cut
// what o presents, or, for a password, one that may be in force.
func (p past) explains(o op) bool {
	if p.replaced(o) || p.endedOtherwise(o) {
		return true
	}
	born := int64(0)
	for pass := o.Cred; pass != ""; pass = p.made[pass].Cred {
		born = p.made[pass].Call
	}
	return slices.ContainsFunc(p.suspensions, func(s op) bool {
		if s.Call > o.Return || s.Return < born {
			return false
		}
		return o.Cred != "" || !slices.ContainsFunc(p.restores, func(r op) bool {
			return r.Result == saidYes && r.Call > s.Return && r.Return < o.Call
		})
	})
}

// endedOtherwise reports whether something else than a suspension may be why o
// was refused: what it presents, or what that came from, was ended, presented
// twice (then all that came of it ends), or for an app that was taken away.
func (p past) endedOtherwise(o op) bool {
	if at, known := p.stolen[p.family(o.Cred)]; known && at <= o.Return {
		return true
	}
	return slices.ContainsFunc(p.ends, func(e op) bool {
		if e.Result == saidNo || e.Call > o.Return {
			return false
		}
		if e.Op == opSignOut {
			return p.comesFrom(o.Cred, e.Cred) || p.comesFrom(o.Replaces, e.Cred)
		}
		return o.Cred == "" && e.Return >= o.Call || o.Cred != "" && e.Return >= p.born(o.Cred)
	}) || slices.ContainsFunc(p.ungrants, func(u op) bool {
		return u.Result != saidNo && u.For == o.For && u.Call <= o.Return
	})
}

// comesFrom reports whether a pass is another, or may have come of it; a session
// goes on under a new secret.
func (p past) comesFrom(pass, other string) bool {
	for ; pass != ""; pass = p.made[pass].Cred {
		if pass == other || p.first(pass) == p.first(other) {
			return true
		}
	}
	return false
}

// born is when the first pass of which it came was asked for.
func (p past) born(pass string) (at int64) {
	for ; pass != ""; pass = p.made[pass].Cred {
		at = p.made[pass].Call
	}
	return at
}

// repeatable is well over how long a refresh token may be repeated, for an
// answer that was lost.
const repeatable = 15 * time.Second

// judgeSpent: of those who present one code, one wins at most; and nobody with
// a refresh token that was spent long ago, or whose successor was spent.
func judgeSpent(mine []op, v *verdict) {
	p := pastOf(mine)
	for _, who := range p.spent {
		if len(who) > 1 {
			v.twice++
		}
		for _, first := range who {
			for _, o := range who {
				apart := o.Call - first.Return
				again := first.Result == saidYes && o.Result == saidYes && (o.Call > first.Call || o.Call == first.Call && o.Proc > first.Proc)
				if again && (o.Op == opExchange || apart > int64(repeatable) || p.succeeded(first, o.Call)) {
					v.blame(spentTwice, o, first)
				}
			}
		}
	}
}

// succeeded reports whether one of the passes that o handed out was spent in
// turn before that moment.
func (p past) succeeded(o op, before int64) bool {
	return slices.ContainsFunc(o.Made, func(next string) bool {
		return slices.ContainsFunc(p.spent[next], func(s op) bool { return s.Result == saidYes && s.Return < before })
	})
}

// judgeEpochs: an epoch never falls, and has risen where a suspension or an end
// of all passes lies between two looks.
func judgeEpochs(mine []op, v *verdict) {
	var looks, rises []op
	for _, o := range mine {
		switch {
		case o.Op == opEpoch:
			looks = append(looks, o)
		case (o.Op == opSuspend || o.Op == opEndAll) && o.Result == saidYes:
			rises = append(rises, o)
		}
	}
	slices.SortFunc(looks, func(a, b op) int { return cmp.Compare(a.Call, b.Call) })
	for i := 1; i < len(looks); i++ {
		before, after := looks[i-1], looks[i]
		least := before.Epoch
		if slices.ContainsFunc(rises, func(r op) bool { return r.Call > before.Return && r.Return < after.Call }) {
			v.epochs++
			least++
		}
		if after.Epoch < least {
			v.blame(epochFell, after, before)
		}
	}
}

// judgeEnds is I2 for what is ended without a suspension: a session that was
// signed out of, and everything that was handed out before all was ended.
func judgeEnds(mine []op, v *verdict) {
	p := pastOf(mine)
	for _, o := range mine {
		if o.Cred == "" || slices.Contains(about, o.Op) {
			continue
		}
		for _, e := range p.ends {
			if e.Result != saidYes || e.Return >= o.Call {
				continue
			}
			over := e.Op == opSignOut && o.Cred == e.Cred
			for pass := o.Cred; e.Op == opEndAll && pass != ""; pass = p.made[pass].Cred {
				issue, known := p.made[pass]
				over = over || known && issue.Return < e.Call
			}
			if over {
				v.ended++
			}
			if over && o.Result == saidYes {
				v.blame(outlivedEnd, o, e)
				break
			}
		}
	}
}

// judgeGrants is I1 and I2 for one app of a person: taking it away cuts, giving
// it back restores. Nothing hangs on their session; a code and what comes of it
// do.
func judgeGrants(mine []op, v *verdict) {
	apps := map[string][]op{}
	for _, o := range mine {
		if o.Op == opUngrant {
			apps[o.For] = nil
		}
	}
	for app := range apps {
		made := map[string]bool{}
		var sub []op
		for _, o := range mine {
			if o.For == app {
				for _, pass := range o.Made {
					made[pass] = true
				}
				sub = append(sub, o)
			}
		}
		for i := range sub {
			switch sub[i].Op {
			case opUngrant:
				sub[i].Op = opSuspend
			case opGrant:
				sub[i].Op = opRestore
			}
			if !made[sub[i].Cred] {
				sub[i].Cred = ""
			}
		}
		var of verdict
		judgeUser(sub, &of)
		v.ungranted += of.afterCut + of.deadPasses
		for _, wrong := range of.violations {
			if wrong.rule != turnedAway {
				v.violations = append(v.violations, violation{outlivedGrant, wrong.op, wrong.cause})
			}
		}
	}
}

// replaced reports whether the session that o presents may have got another
// secret since, or its link a successor.
func (p past) replaced(o op) bool {
	if o.Op == opLink {
		return slices.ContainsFunc(p.invites, func(again op) bool {
			return !slices.Contains(again.Made, o.Cred) && again.Return >= p.made[o.Cred].Call && again.Call <= o.Return
		})
	}
	return slices.ContainsFunc(p.anew, func(again op) bool {
		return !slices.Contains(again.Made, o.Cred) && p.first(again.Replaces) == p.first(o.Cred) &&
			again.Return >= p.made[o.Cred].Call && again.Call <= o.Return
	})
}

// first is the pass with which a session may have begun.
func (p past) first(session string) string {
	for p.made[session].Replaces != "" {
		session = p.made[session].Replaces
	}
	return session
}

// judgeReceipts holds receipts against the history (I6): each suspension has
// one, no two have the same number, and the lines name the apps that knew the
// person, no other and each as often as the person was signed in there. apps
// tells by name whether one line stands for all sessions there.
func judgeReceipts(ops []op, receipts []client.Receipt, apps map[string]bool) (violations []violation) {
	blame := func(o op, format string, args ...any) {
		violations = append(violations, violation{badReceipt, o, fmt.Sprintf(format, args...)})
	}
	numbered := slices.Clone(receipts)
	slices.SortFunc(numbered, func(a, b client.Receipt) int { return int(a.Number - b.Number) })
	byID := map[string]client.Receipt{}
	for i, r := range numbered {
		if r.Number < 1 || i > 0 && r.Number == numbered[i-1].Number {
			blame(op{Receipt: r.ID}, "its number %d is none, or another's too", r.Number)
		}
		byID[r.ID] = r
	}
	answered := map[string]bool{}
	users := byUser(ops)
	for _, mine := range users {
		p := pastOf(mine)
		for _, s := range p.suspensions {
			if s.Result != saidYes {
				continue
			}
			answered[s.Receipt] = true
			r, found := byID[s.Receipt]
			if !found || r.UserID != s.User || r.Kind != "user" {
				violations = append(violations, violation{falseSuccess, s, "there is no such receipt of this person's suspension"})
				continue
			}
			if first, repeated := p.answeredBefore(s); repeated {
				violations = append(violations, violation{falseSuccess, s, "a restore came between it and " + first.String()})
				continue
			}
			for _, wrong := range p.untrueLines(mine, s, r, apps) {
				blame(s, "%s", wrong)
			}
		}
		for _, wrong := range p.twice() {
			blame(wrong, "one suspension has two receipts")
		}
	}
	for _, r := range numbered {
		if r.Kind == "user" && !answered[r.ID] && !slices.ContainsFunc(users[r.UserID], func(o op) bool { return o.Op == opSuspend && o.Return == forever }) {
			blame(op{User: r.UserID, Receipt: r.ID}, "nobody suspended for it")
		}
	}
	return violations
}

// answeredBefore finds an earlier suspension with the receipt of s that was
// over, by a restore, when s was asked for.
func (p past) answeredBefore(s op) (op, bool) {
	for _, first := range p.suspensions {
		if first.Receipt == s.Receipt && slices.ContainsFunc(p.restores, func(r op) bool {
			return r.Result == saidYes && first.Return < r.Call && r.Return < s.Call
		}) {
			return first, true
		}
	}
	return op{}, false
}

// twice finds suspensions whose receipt differs from that of one with which no
// restore can have come between.
func (p past) twice() (wrong []op) {
	for i, a := range p.suspensions {
		for _, b := range p.suspensions[:i] {
			apart := slices.ContainsFunc(p.restores, func(r op) bool {
				return r.Return > min(a.Call, b.Call) && r.Call < max(a.Return, b.Return)
			})
			if a.Result == saidYes && b.Result == saidYes && !apart && a.Receipt != b.Receipt {
				wrong = append(wrong, a)
			}
		}
	}
	return wrong
}

// untrueLines compares the lines of a receipt with what the person had used
// when it was cut. What an overlapping issue made may stand there or not, and
// somebody who signed in anew may have one session or two.
func (p past) untrueLines(mine []op, s op, r client.Receipt, apps map[string]bool) (wrong []string) {
	if r.Listing {
		wrong = append(wrong, "it is still being listed")
	}
	lines := map[string]int{}
	for _, l := range r.Lines {
		lines[l.App]++
		if !l.Final && l.AgainAt == nil && l.NextAt == nil && l.Ceiling == nil {
			wrong = append(wrong, fmt.Sprintf("the line of %s is %s and will never be final", l.App, l.State))
		}
		if _, known := apps[l.App]; !known {
			wrong = append(wrong, fmt.Sprintf("there is no app %q", l.App))
		}
	}
	for app, wholeUser := range apps {
		surely, perhaps := map[string]bool{}, map[string]bool{}
		for _, o := range mine {
			switch {
			case o.App != app || o.Result == saidNo:
			case o.Result == saidYes && o.Return < s.Call:
				surely[p.first(o.Session)], perhaps[o.Session] = true, true
			case o.Call < s.Return:
				perhaps[o.Session] = true
			}
		}
		least, most := len(surely), len(perhaps)
		if len(p.ends)+len(p.ungrants) > 0 {
			least = 0 // what had ended before was told then
		}
		if wholeUser {
			least, most = min(least, 1), min(most, 1)
		}
		if n := lines[app]; n < least || n > most {
			wrong = append(wrong, fmt.Sprintf("%s has %d lines, and %d to %d sessions there were cut", app, n, least, most))
		}
	}
	slices.Sort(wrong)
	return wrong
}
