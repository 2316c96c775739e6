package oidc

import (
	"strings"

	"gatehouse/idp"
)

// explained are the refusals of this tongue: by the kind of their audit line
// and, where it tells one from another, by a part of the reason in it. The
// first that fits counts; each kind has a last one without a reason.
var explained = []struct {
	kind, reason string
	idp.Explanation
}{
	{"oidc.authorize.refuse", "is not registered. Tell", idp.Explanation{
		Meaning: "There is no OpenID Connect app with this client_id.", Side: idp.SideApp,
		Change: "Write the client ID into the app as gatehouse app connect APP shows it, or register the app."}},
	{"oidc.authorize.refuse", "address that is not registered", idp.Explanation{
		Meaning: "redirect_uri is not one of the app's, compared byte by byte: scheme, host, port, path, a slash at its end and the query all count (OIDC Core §3.1.2.1).", Side: idp.SideHouse,
		Change: "If the address received is the app's, register it; if not, correct it in the app's settings."}},
	{"oidc.authorize.refuse", "This sign-in began in another browser", idp.Explanation{
		Meaning: "The sign-in was finished in another browser than it was begun in, was used already, or took too long.", Side: idp.SidePerson,
		Change: "Start again from the app, in one browser, with cookies allowed, and not from a bookmark of the sign-in page."}},
	{"oidc.authorize.refuse", "code_challenge is missing", idp.Explanation{
		Meaning: "PKCE is required: the request has no code_challenge (RFC 7636, RFC 9700 §2.1.1).", Side: idp.SideApp,
		Change: "Turn PKCE with S256 on in the app. If a confidential app cannot, set pkce_exempt and see what gatehouse app check says of it."}},
	{"oidc.authorize.refuse", "code_challenge_method must be S256", idp.Explanation{
		Meaning: "PKCE with the method plain, or none named, protects nothing and is not taken.", Side: idp.SideApp,
		Change: "Have the app send code_challenge_method=S256."}},
	{"oidc.authorize.refuse", "The scope openid is needed", idp.Explanation{
		Meaning: "The scope has no openid: this is not a request of OpenID Connect.", Side: idp.SideApp,
		Change: "Add openid to the scopes in the app's settings."}},
	{"oidc.authorize.refuse", "names one parameter twice", idp.Explanation{
		Meaning: "A parameter came twice, so that nobody can say which one counts (RFC 6749 §3.1).", Side: idp.SideApp,
		Change: "Look for the address that the app builds: one of them is often a part of its configured authorization endpoint."}},
	{"oidc.authorize.refuse", "", idp.Explanation{
		Meaning: "The authorization request breaks a rule of OpenID Connect or asks for what is not served here; the reason says which.", Side: idp.SideApp,
		Change: "Correct the app's settings. What is served stands in /.well-known/openid-configuration."}},

	{"oidc.authorize.deny", "", idp.Explanation{
		Meaning: "The person signed in, and no grant lets them use this app.", Side: idp.SideHouse,
		Change: "If they should have it, grant it to them or to a group they are in."}},

	{"oidc.client.refuse", "unknown client", idp.Explanation{
		Meaning: "There is no OpenID Connect app with this client_id.", Side: idp.SideApp,
		Change: "Write the client ID into the app as gatehouse app connect APP shows it, or register the app."}},
	{"oidc.client.refuse", "authenticated by", idp.Explanation{
		Meaning: "The app sent its secret in another way than it is registered for; each app has one (OIDC Core §9).", Side: idp.SideApp,
		Change: "Set the way in the app (header: client_secret_basic; body: client_secret_post; no secret: none), or register the one it uses."}},
	{"oidc.client.refuse", "wrong secret", idp.Explanation{
		Meaning: "The secret is none of the app's.", Side: idp.SideApp,
		Change: "Make a second secret (gatehouse app secret add APP) and write it into the app; look for a line break or a percent sign that was lost on the way."}},
	{"oidc.client.refuse", "", idp.Explanation{
		Meaning: "The app did not prove that it is the app.", Side: idp.SideApp,
		Change: "Compare its client ID, its secret and the way it sends them with the registration."}},

	{"oidc.code.refuse", "not a code of ours", idp.Explanation{
		Meaning: "The code was changed on its way, is another provider's, or is too old: it works for a short time, once.", Side: idp.SideApp,
		Change: "Have the app redeem the code at once, as it came, at this provider's token endpoint; see that its clock is right."}},
	{"oidc.code.refuse", "not asked for consent", idp.Explanation{
		Meaning: "The app was made one of a third party after the code was given out, so nobody has asked the person.", Side: idp.SideHouse,
		Change: "Nothing: the person signs in once more, and is asked."}},
	{"oidc.code.refuse", "", idp.Explanation{
		Meaning: "The person, their session, or the grant of this app ended after the code was issued.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant; the person's page shows what ended and the receipt for it. Else they sign in again."}},
	{"oidc.code.burn", "", idp.Explanation{
		Meaning: "The code was presented by another app, with another redirect_uri, or without the verifier that began it (PKCE): it leaked or was injected. It is spent now.", Side: idp.SideApp,
		Change: "Have the app send the same redirect_uri and its code_verifier. If it does, ask who else holds its codes."}},
	{"oidc.code.reuse", "", idp.Explanation{
		Meaning: "A code was redeemed twice: one of the two who hold it is a thief, or the app tried again after an answer that was lost. All tokens of that code are revoked (RFC 9700 §4.5).", Side: idp.SideApp,
		Change: "Have the app redeem each code once, also with several processes; the person signs in again."}},

	{"oidc.refresh.refuse", "not a refresh token of ours", idp.Explanation{
		Meaning: "The refresh token was changed, is another provider's, or its time has run out.", Side: idp.SideApp,
		Change: "Have the app send the person to sign in again; they are not asked for anything while their session lives."}},
	{"oidc.refresh.refuse", "presented by another client", idp.Explanation{
		Meaning: "The refresh token was issued to another app.", Side: idp.SideApp,
		Change: "If two apps share a store of tokens, part them. If not, find out how the token got there, and end what the first app holds (gatehouse app end-all)."}},
	{"oidc.refresh.refuse", "more scope than was granted", idp.Explanation{
		Meaning: "The app asked at a refresh for scopes that the person's sign-on did not have (RFC 6749 §6).", Side: idp.SideApp,
		Change: "Leave scope out at a refresh, or start a new sign-on with all scopes."}},
	{"oidc.refresh.refuse", "", idp.Explanation{
		Meaning: "What the refresh token stands for has ended: the person, their session, the grant of this app, or its tokens.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant: this is how the app learns of it. Else the person signs in again."}},
	{"oidc.refresh.reuse", "", idp.Explanation{
		Meaning: "A refresh token was used that had been replaced: one of the two who hold it is a thief. All tokens of that sign-on are revoked (RFC 9700 §4.14.2).", Side: idp.SideApp,
		Change: "Have the app store the newest refresh token before it uses it, with one writer at a time; the person signs in again."}},

	{"oidc.register.refuse", "access token is not valid", idp.Explanation{
		Meaning: "The initial access token has no use left, was revoked or has expired, or the owner who made it is none any more; or the registration access token is not of this client.", Side: idp.SideHouse,
		Change: "Make a new one: gatehouse token initial add NAME."}},
	{"oidc.register.refuse", "", idp.Explanation{
		Meaning: "What the client says of itself cannot be registered (RFC 7591 §3.2.2); the reason says what.", Side: idp.SideApp,
		Change: "Correct the client metadata; docs/registration.md has what is taken."}},

	{"oidc.revoke.refuse", "", idp.Explanation{
		Meaning: "An app wanted to revoke a token of another app (RFC 7009 §2.1).", Side: idp.SideApp,
		Change: "Have it authenticate as the app that got the token."}},
}

// Explain says what a refusal of this tongue means and what to change; false
// for an audit line that is none.
func Explain(e idp.Event) (idp.Explanation, bool) {
	for _, x := range explained {
		if x.kind == e.Kind && strings.Contains(e.Detail["reason"], x.reason) {
			return x.Explanation, true
		}
	}
	return idp.Explanation{}, false
}
