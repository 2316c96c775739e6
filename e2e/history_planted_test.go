package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/web/api/client"
)

// TestCheckerFindsPlantedViolations holds short histories of one person
// against the rules: each fault that is planted must be found under its name,
// and what is no fault must not be.
func TestCheckerFindsPlantedViolations(t *testing.T) {
	t.Parallel()
	at := func(o op, call, ret int64) op { o.Call, o.Return, o.User = call, ret, "ada"; return o }
	signIn := func(call, ret int64, made string) op {
		return at(op{Op: opSignIn, Made: []string{made}, Result: saidYes}, call, ret)
	}
	anew := func(call, ret int64, replaces, made string) op {
		o := signIn(call, ret, made)
		o.Replaces = replaces
		return o
	}
	use := func(call, ret int64, cred, result string) op {
		return at(op{Op: opPortal, Cred: cred, Result: result}, call, ret)
	}
	make := func(call, ret int64, cred, made string) op {
		return at(op{Op: opAuthorize, Cred: cred, Made: []string{made}, Result: saidYes}, call, ret)
	}
	suspend := func(call, ret int64, result string) op {
		return at(op{Op: opSuspend, Result: result}, call, ret)
	}
	about := func(kind string, call, ret int64) op {
		return at(op{Op: kind, For: "Desk", Result: saidYes}, call, ret)
	}
	epoch := func(when, n int64) op { return at(op{Op: opEpoch, Epoch: n, Result: saidYes}, when, when) }
	trade := func(call, ret int64, kind, cred, result string, made ...string) op {
		return at(op{Op: kind, For: "Desk", Cred: cred, Made: made, Result: result}, call, ret)
	}
	out := func(call, ret int64, cred string) op {
		return at(op{Op: opSignOut, Cred: cred, Result: saidYes}, call, ret)
	}
	restore := func(call, ret int64) op { return at(op{Op: opRestore, Result: saidYes}, call, ret) }
	for name, c := range map[string]struct {
		ops  []op
		want string
	}{
		"refused after the cut":                     {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), use(5, 6, "s", saidNo)}, ""},
		"accepted beside the suspension":            {[]op{signIn(1, 2, "s"), suspend(3, 6, saidYes), use(5, 7, "s", saidYes)}, ""},
		"accepted after the cut":                    {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), use(5, 6, "s", saidYes)}, usedAfterCut},
		"accepted after one that got no yes":        {[]op{signIn(1, 2, "s"), suspend(3, forever, noAnswer), use(5, 6, "s", saidYes)}, ""},
		"signed in after the cut":                   {[]op{suspend(3, 4, saidYes), signIn(5, 6, "s")}, issuedAfterCut},
		"a code made after the cut":                 {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), make(5, 6, "s", "c")}, issuedAfterCut},
		"signed in beside the suspension":           {[]op{suspend(3, 6, saidYes), signIn(5, 7, "s")}, ""},
		"and used after it":                         {[]op{suspend(3, 6, saidYes), signIn(5, 7, "s"), use(8, 9, "s", saidYes)}, usedAfterCut},
		"signed in beside the restore":              {[]op{suspend(3, 4, saidYes), restore(6, 8), signIn(5, 7, "s"), use(9, 10, "s", saidYes)}, ""},
		"signed in after the restore":               {[]op{suspend(3, 4, saidYes), restore(5, 6), signIn(7, 8, "s"), use(9, 10, "s", saidYes)}, ""},
		"alive after the restore":                   {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), restore(5, 6), use(7, 8, "s", saidYes)}, survived},
		"dead after the restore":                    {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), restore(5, 6), use(7, 8, "s", saidNo)}, ""},
		"overlapping, alive after the restore":      {[]op{suspend(3, 6, saidYes), signIn(2, 7, "s"), restore(8, 9), use(10, 11, "s", saidYes)}, survived},
		"overlapping both, alive":                   {[]op{suspend(3, 6, saidYes), signIn(2, 9, "s"), restore(7, 8), use(10, 11, "s", saidYes)}, ""},
		"overlapping both, of a dead pass":          {[]op{signIn(1, 2, "s"), suspend(3, 6, saidYes), make(4, 9, "s", "c"), restore(7, 8), use(10, 11, "c", saidYes)}, survived},
		"alive after two suspensions":               {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), restore(5, 6), suspend(7, 8, saidYes), restore(9, 10), use(11, 12, "s", saidYes)}, survived},
		"a restore whose answer was lost":           {[]op{signIn(1, 2, "s"), suspend(3, 4, saidYes), at(op{Op: opRestore, Result: noAnswer}, 5, forever), use(7, 8, "s", saidYes)}, survived},
		"signed in after such a one":                {[]op{suspend(3, 4, saidYes), at(op{Op: opRestore, Result: noAnswer}, 5, forever), signIn(7, 8, "s")}, ""},
		"thrown out for nothing":                    {[]op{signIn(1, 2, "s"), use(3, 4, "s", saidNo)}, turnedAway},
		"thrown out for an older suspension":        {[]op{suspend(1, 2, saidYes), restore(3, 4), signIn(5, 6, "s"), use(7, 8, "s", saidNo)}, turnedAway},
		"not let in after the restore":              {[]op{suspend(1, 2, saidYes), restore(3, 4), at(op{Op: opSignIn, Result: saidNo}, 5, 6)}, turnedAway},
		"signed in anew, the old secret is no good": {[]op{signIn(1, 2, "s"), anew(3, 4, "s", "t"), use(5, 6, "s", saidNo)}, ""},
		"signed in anew, the new secret is no good": {[]op{signIn(1, 2, "s"), anew(3, 4, "s", "t"), use(5, 6, "t", saidNo)}, turnedAway},
		"a code spent once, and tried again":        {[]op{signIn(1, 2, "s"), make(3, 4, "s", "c"), trade(5, 6, opExchange, "c", saidYes, "a"), trade(7, 8, opExchange, "c", saidNo)}, ""},
		"a code spent twice":                        {[]op{signIn(1, 2, "s"), make(3, 4, "s", "c"), trade(5, 8, opExchange, "c", saidYes, "a"), trade(6, 7, opExchange, "c", saidYes, "b")}, spentTwice},
		"a refresh repeated":                        {[]op{signIn(1, 2, "s"), trade(3, 4, opRefresh, "r", saidYes, "a", "q"), trade(5, 9, opRefresh, "r", saidYes, "b", "p")}, ""},
		"a refresh of two steps ago":                {[]op{signIn(1, 2, "s"), trade(3, 4, opRefresh, "r", saidYes, "a", "q"), trade(5, 6, opRefresh, "q", saidYes, "b", "p"), trade(7, 8, opRefresh, "r", saidYes, "c", "o")}, spentTwice},
		"a refresh forked":                          {[]op{signIn(1, 2, "s"), trade(3, 4, opRefresh, "r", saidYes, "a", "q"), trade(16e9, 17e9, opRefresh, "r", saidYes, "b", "p")}, spentTwice},
		"thrown out, for it was spent twice":        {[]op{signIn(1, 2, "s"), make(3, 4, "s", "c"), trade(5, 6, opExchange, "c", saidYes, "a"), trade(7, 8, opExchange, "c", saidNo), use(9, 10, "a", saidNo)}, ""},
		"an epoch that rises":                       {[]op{epoch(1, 1), suspend(2, 3, saidYes), epoch(4, 2)}, ""},
		"an epoch that stands":                      {[]op{epoch(1, 1), suspend(2, 3, saidYes), epoch(4, 1)}, epochFell},
		"an epoch that is not seen yet":             {[]op{epoch(1, 1), suspend(2, 5, saidYes), epoch(4, 1)}, ""},
		"an epoch that falls":                       {[]op{epoch(1, 3), restore(2, 3), epoch(4, 2)}, epochFell},
		"signed out":                                {[]op{signIn(1, 2, "s"), out(3, 4, "s"), use(5, 6, "s", saidNo)}, ""},
		"signed out, and alive":                     {[]op{signIn(1, 2, "s"), out(3, 4, "s"), use(5, 6, "s", saidYes)}, outlivedEnd},
		"signed out, and thrown out elsewhere":      {[]op{signIn(1, 2, "s"), signIn(1, 2, "t"), out(3, 4, "s"), use(5, 6, "t", saidNo)}, turnedAway},
		"all ended":                                 {[]op{signIn(1, 2, "s"), about(opEndAll, 3, 4), use(5, 6, "s", saidNo), signIn(7, 8, "t"), use(9, 10, "t", saidYes)}, ""},
		"all ended, and alive":                      {[]op{signIn(1, 2, "s"), about(opEndAll, 3, 4), use(5, 6, "s", saidYes)}, outlivedEnd},
		"all ended, and a code of before is alive":  {[]op{signIn(1, 2, "s"), about(opEndAll, 4, 5), make(3, 9, "s", "c"), use(10, 11, "c", saidYes)}, outlivedEnd},
		"the app was taken away":                    {[]op{signIn(1, 2, "s"), trade(3, 4, opAuthorize, "s", saidYes, "c"), about(opUngrant, 5, 6), trade(7, 8, opExchange, "c", saidNo)}, ""},
		"the app was taken away in vain":            {[]op{signIn(1, 2, "s"), about(opUngrant, 3, 4), trade(5, 6, opAuthorize, "s", saidYes, "c")}, outlivedGrant},
		"the app was taken and given back":          {[]op{signIn(1, 2, "s"), about(opUngrant, 3, 4), about(opGrant, 5, 6), trade(7, 8, opAuthorize, "s", saidYes, "c")}, ""},
		"a token of before it was given back":       {[]op{trade(1, 2, opExchange, "c", saidYes, "a"), about(opUngrant, 5, 6), about(opGrant, 7, 8), trade(9, 10, opUserinfo, "a", saidYes)}, outlivedGrant},
		"a code of before it was given back":        {[]op{signIn(1, 2, "s"), trade(3, 4, opAuthorize, "s", saidYes, "c"), about(opUngrant, 5, 6), about(opGrant, 7, 8), trade(9, 10, opExchange, "c", saidYes, "a")}, outlivedGrant},
		"another app than the one taken away":       {[]op{signIn(1, 2, "s"), about(opUngrant, 3, 4), use(5, 6, "s", saidNo)}, turnedAway},
		"signed in anew, alive after the restore":   {[]op{signIn(1, 2, "s"), anew(3, 4, "s", "t"), suspend(5, 6, saidYes), restore(7, 8), use(9, 10, "t", saidYes)}, survived},
	} {
		v := judge(c.ops)
		if got := rules(v.violations); c.want == "" && len(got) > 0 || c.want != "" && !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}

func rules(violations []violation) (names []string) {
	for _, v := range violations {
		names = append(names, v.rule)
	}
	return names
}

// TestCheckerFindsUntrueReceipts does the same for receipts.
func TestCheckerFindsUntrueReceipts(t *testing.T) {
	t.Parallel()
	apps := map[string]bool{"Wiki": false, "CRM": false, "Chat": true}
	ops := []op{
		{User: "ada", Op: opExchange, App: "Wiki", Session: "s1", Result: saidYes, Call: 1, Return: 2},
		{User: "ada", Op: opExchange, App: "Chat", Session: "s1", Result: saidYes, Call: 1, Return: 2},
		{User: "ada", Op: opExchange, App: "Chat", Session: "s2", Result: saidYes, Call: 1, Return: 2},
		{User: "ada", Op: opSuspend, Receipt: "r1", Result: saidYes, Call: 3, Return: 6},
		{User: "ada", Op: opExchange, App: "Wiki", Session: "s2", Result: saidYes, Call: 5, Return: 7},
		{User: "ada", Op: opRestore, Result: saidYes, Call: 8, Return: 9},
		{User: "ada", Op: opExchange, App: "CRM", Session: "s3", Result: saidYes, Call: 10, Return: 11},
		{User: "ada", Op: opSuspend, Receipt: "r2", Result: saidYes, Call: 12, Return: 13},
	}
	line := func(app string) client.Line { return client.Line{App: app, State: "acknowledged", Final: true} }
	wiki, chat, crm := line("Wiki"), line("Chat"), line("CRM")
	receipts := func() []client.Receipt {
		return []client.Receipt{
			{ID: "r2", Number: 2, Kind: "user", UserID: "ada", Lines: []client.Line{wiki, wiki, chat, crm}},
			{ID: "r1", Number: 1, Kind: "user", UserID: "ada", Lines: []client.Line{wiki, chat}},
		}
	}
	for name, c := range map[string]struct {
		spoil func(rs []client.Receipt, ops []op) []client.Receipt
		want  string
	}{
		"true":                   {func(rs []client.Receipt, _ []op) []client.Receipt { return rs }, ""},
		"a line for the overlap": {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Lines = append(rs[1].Lines, wiki); return rs }, ""},
		"no receipt":             {func(rs []client.Receipt, _ []op) []client.Receipt { return rs[1:] }, falseSuccess},
		"somebody else's":        {func(rs []client.Receipt, _ []op) []client.Receipt { rs[0].UserID = "alan"; return rs }, falseSuccess},
		"an old one":             {func(rs []client.Receipt, ops []op) []client.Receipt { ops[7].Receipt = "r1"; return rs[1:] }, falseSuccess},
		"another's number":       {func(rs []client.Receipt, _ []op) []client.Receipt { rs[0].Number = 1; return rs }, badReceipt},
		"no number":              {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Number = 0; return rs }, badReceipt},
		"an app is missing":      {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Lines = rs[1].Lines[:1]; return rs }, badReceipt},
		"a foreign app":          {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Lines = append(rs[1].Lines, crm); return rs }, badReceipt},
		"too many lines":         {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Lines = append(rs[1].Lines, chat); return rs }, badReceipt},
		"a line without an end":  {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Lines[0].Final = false; return rs }, badReceipt},
		"still listing":          {func(rs []client.Receipt, _ []op) []client.Receipt { rs[1].Listing = true; return rs }, badReceipt},
		"two for one suspension": {func(rs []client.Receipt, ops []op) []client.Receipt { ops[5].Op = opPortal; return rs }, badReceipt},
		"nobody's":               {func(rs []client.Receipt, ops []op) []client.Receipt { ops[7].Op = opPortal; return rs }, badReceipt},
		"nobody's, but one is lost": {func(rs []client.Receipt, ops []op) []client.Receipt {
			ops[7].Result, ops[7].Return = noAnswer, forever
			return rs
		}, ""},
	} {
		ops := slices.Clone(ops)
		got := rules(judgeReceipts(ops, c.spoil(receipts(), ops), apps))
		if c.want == "" && len(got) > 0 || c.want != "" && !slices.Contains(got, c.want) {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}

// model is a house of one person in which every operation takes effect at one
// moment. Its faults are those of a build that got something wrong.
type model struct {
	suspended bool
	epoch     int
	passes    map[string]int // the epoch they carry
	now       int64

	noEpoch, noStatus, keepsEpoch bool
	behind                        int64 // how long a cut takes to be seen
	cutAt                         int64
}

func (m *model) stands(epoch int) bool {
	if m.behind > 0 && m.suspended && m.now < m.cutAt+m.behind && epoch == m.epoch-1 {
		return true
	}
	return (m.noStatus || !m.suspended) && (m.noEpoch || epoch == m.epoch)
}

// live makes a history of n operations, each with its effect somewhere inside
// its interval. Up to six are under way at once; the admin's never overlap.
func (m *model) live(n int, rng *rand.Rand) []op {
	type pending struct {
		op
		effect int64
	}
	var (
		done  []op
		under []pending
		held  = []string{""}
		admin = false
	)
	m.passes = map[string]int{}
	for len(done) < n {
		m.now++
		if len(under) < 6 && rng.IntN(3) > 0 {
			o := op{User: "ada", Call: m.now, Op: opPortal, Cred: held[rng.IntN(len(held))]}
			switch roll := rng.IntN(12); {
			case roll == 0 && !admin:
				admin = true
				o.Op, o.Cred = opSuspend, ""
				if m.suspended {
					o.Op = opRestore
				}
			case roll < 5:
				o.Made = []string{fmt.Sprint("p", m.now)}
			case o.Cred == "":
				o.Op, o.Made = opSignIn, []string{fmt.Sprint("p", m.now)}
			}
			effect := m.now + 1 + rng.Int64N(6)
			under = append(under, pending{o, effect})
			continue
		}
		for i, p := range under {
			if p.effect == m.now {
				m.take(&under[i].op)
			}
			if p.effect < m.now && rng.IntN(3) == 0 {
				o := under[i].op
				o.Return = m.now
				done = append(done, o)
				admin = admin && o.Op != opSuspend && o.Op != opRestore
				if o.Result == saidYes {
					held = append(held, o.Made...)
				}
				under = slices.Delete(under, i, i+1)
				break
			}
		}
		for i := range under { // nobody is overtaken by the clock
			if under[i].effect <= m.now && under[i].Result == "" {
				m.take(&under[i].op)
			}
		}
	}
	for _, p := range under { // who does not wait for the answer
		p.Return, p.Result, p.Made = forever, noAnswer, nil
		done = append(done, p.op)
	}
	return done
}

func (m *model) take(o *op) {
	o.Result = saidYes
	switch {
	case o.Op == opSuspend:
		m.suspended, m.cutAt = true, m.now
		if !m.keepsEpoch {
			m.epoch++
		}
	case o.Op == opRestore:
		m.suspended = false
	case o.Cred == "" && m.suspended, o.Cred != "" && !m.stands(m.passes[o.Cred]):
		o.Result, o.Made = saidNo, nil
	case o.Cred != "":
		for _, made := range o.Made {
			m.passes[made] = m.passes[o.Cred]
		}
	default:
		for _, made := range o.Made {
			m.passes[made] = m.epoch
		}
	}
}

// TestCheckerJudgesModelsRightly: a house that keeps the rules is never
// blamed, whatever overlaps; one that breaks any of them always is.
func TestCheckerJudgesModelsRightly(t *testing.T) {
	t.Parallel()
	const histories, length = 100, 500
	for name, c := range map[string]struct {
		house model
		right bool
	}{
		"right":             {model{}, true},
		"no epoch compared": {model{noEpoch: true}, false},
		"nothing compared":  {model{noStatus: true, noEpoch: true}, false},
		"epoch not raised":  {model{keepsEpoch: true}, false},
		"cut seen late":     {model{behind: 100}, false},
	} {
		for seed := range uint64(histories) {
			house := c.house
			v := judge(house.live(length, rand.New(rand.NewPCG(seed, 7))))
			if c.right != (len(v.violations) == 0) {
				t.Errorf("%s, history %d: found %q", name, seed, rules(v.violations))
				break
			}
			if v.afterCut == 0 || v.afterBack == 0 {
				t.Errorf("history %d put nothing to the proof: %+v", seed, v)
			}
		}
	}
}
