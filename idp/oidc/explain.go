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
	{"oidc.authorize.refuse", "id_token_hint is not", idp.Explanation{
		Meaning: "The id_token_hint cannot be read as an ID token that was issued here to this very client, so that nobody knows whom it means (OIDC Core §3.1.2.1). One that has expired would do.", Side: idp.SideApp,
		Change: "Have the app send the ID token that it got last, as it came, or leave id_token_hint out. A key that was rotated out or revoked vouches for no hint any more."}},
	{"oidc.authorize.refuse", "names one parameter twice", idp.Explanation{
		Meaning: "A parameter came twice, so that nobody can say which one counts (RFC 6749 §3.1).", Side: idp.SideApp,
		Change: "Look for the address that the app builds: one of them is often a part of its configured authorization endpoint."}},
	{"oidc.authorize.refuse", "", idp.Explanation{
		Meaning: "The authorization request breaks a rule of OpenID Connect or asks for what is not served here; the reason says which.", Side: idp.SideApp,
		Change: "Correct the app's settings. What is served stands in /.well-known/openid-configuration."}},

	{"oidc.signout.refuse", "without an id_token_hint", idp.Explanation{
		Meaning: "The app wanted the browser back after a sign-out and sent no id_token_hint, so that nobody knows which app it was: the person was asked first, and stayed (RP-Initiated Logout §3).", Side: idp.SideApp,
		Change: "Have the app send its newest ID token as id_token_hint."}},
	{"oidc.signout.refuse", "is no ID token of ours", idp.Explanation{
		Meaning: "The id_token_hint is no ID token of this provider, was changed, or was signed with a key that is gone: nothing of it was used, and the person was asked first.", Side: idp.SideApp,
		Change: "Have the app send the ID token that it got last, as it came. It may have expired."}},
	{"oidc.signout.refuse", "is not registered", idp.Explanation{
		Meaning: "The post_logout_redirect_uri is not one of the app's, compared byte by byte: the person stayed here (RP-Initiated Logout §3).", Side: idp.SideHouse,
		Change: "If the address received is the app's, register it (post_logout_redirect_uris); if not, correct it in the app's settings."}},
	{"oidc.signout.refuse", "", idp.Explanation{
		Meaning: "What the app sent to sign somebody out contradicts itself, or is of an app that is gone; the reason says what. Nothing of it was used, and the person was asked first.", Side: idp.SideApp,
		Change: "Have the app send its own client_id, or none, and an ID token that was issued to it."}},

	{"oidc.signin.cancel", "", idp.Explanation{
		Meaning: "The person was to sign in for an app and pressed Cancel; the app was told access_denied.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant. Else they open the app again."}},
	{"oidc.consent.cancel", "", idp.Explanation{
		Meaning: "The person was asked what an app may learn of them and did not allow it; the app was told access_denied.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant. Else they open the app again. Nobody is asked about an app of the organisation's own: it is one without third_party."}},

	{"oidc.authorize.deny", "", idp.Explanation{
		Meaning: "The person signed in, and no grant lets them use this app.", Side: idp.SideHouse,
		Change: "If they should have it, grant it to them or to a group they are in."}},

	{"oidc.app.refuse", "", idp.Explanation{
		Meaning: "A machine asked for a scope that is not among those of its registration (RFC 6749 §4.4.2).", Side: idp.SideApp,
		Change: "Have the app ask for less, or register the scope (scopes) for it."}},

	{"oidc.client.refuse", "unknown client", idp.Explanation{
		Meaning: "There is no OpenID Connect app with this client_id.", Side: idp.SideApp,
		Change: "Write the client ID into the app as gatehouse app connect APP shows it, or register the app."}},
	{"oidc.client.refuse", "authenticated by", idp.Explanation{
		Meaning: "The app sent its secret in another way than it is registered for; each app has one (OIDC Core §9).", Side: idp.SideApp,
		Change: "Set the way in the app (header: client_secret_basic; body: client_secret_post; no secret: none), or register the one it uses."}},
	{"oidc.client.refuse", "wrong secret", idp.Explanation{
		Meaning: "The secret is none of the app's.", Side: idp.SideApp,
		Change: "Make a second secret (gatehouse app secret add APP) and write it into the app; look for a line break or a percent sign that was lost on the way."}},
	{"oidc.client.refuse", "signed with RS256", idp.Explanation{
		Meaning: "The app signed its client assertion with RS256, which the FAPI 2.0 Security Profile does not allow (§5.4).", Side: idp.SideApp,
		Change: "Have it sign with PS256, for which its RSA key will do, or with ES256 or EdDSA."}},
	{"oidc.client.refuse", "its assertion", idp.Explanation{
		Meaning: "The app signed its client assertion with a key that is not registered, for another audience than the issuer, or for another time, or has sent it before (RFC 7523 §3).", Side: idp.SideApp,
		Change: "Compare the app's key with jwks or jwks_uri of its registration; see that aud is the issuer, that each assertion is sent once and that its clock is right."}},
	{"oidc.client.refuse", "certificate", idp.Explanation{
		Meaning: "The app came without a client certificate, or with one that is not the registered one, of no trusted authority, or not good at this time (RFC 8705 §2).", Side: idp.SideApp,
		Change: "Have the app call the addresses of mtls_endpoint_aliases with its certificate, and compare that with the registration and GATEHOUSE_MTLS_CA."}},
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

	{"oidc.device.refuse", "not a device code of this client", idp.Explanation{
		Meaning: "The device polled with a code that is not its own, was used already or is long over (RFC 8628 §3.5).", Side: idp.SideApp,
		Change: "Have the device begin again, and stop polling at the first answer that is not authorization_pending or slow_down."}},
	{"oidc.device.refuse", "no grant for this app", idp.Explanation{
		Meaning: "The person wanted to confirm a device, and no grant lets them use its app.", Side: idp.SideHouse,
		Change: "If they should have it, grant it to them or to a group they are in."}},
	{"oidc.device.refuse", "", idp.Explanation{
		Meaning: "The person, their session, or the grant of this app ended after they confirmed the device.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant. Else they confirm the device once more."}},
	{"oidc.device.deny", "", idp.Explanation{
		Meaning: "The person was asked about a device and turned it away.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant: somebody may have wanted them to type a code that was not theirs. Else the device begins again."}},
	{"oidc.device.reuse", "", idp.Explanation{
		Meaning: "A device code was redeemed twice: one of the two who hold it is a thief, or the device tried again after an answer that was lost. All tokens of that code are revoked.", Side: idp.SideApp,
		Change: "Have the device stop polling once it has tokens; the person confirms it again."}},

	{"oidc.exchange.refuse", "its registration does not allow it", idp.Explanation{
		Meaning: "The app wanted to trade a token of an app, or for an audience, that is not among the exchanges of its registration (RFC 8693 §2.1).", Side: idp.SideHouse,
		Change: "If it should, register the pair of client_ids (exchanges: from, to) for it."}},
	{"oidc.exchange.refuse", "the person may not use the audience", idp.Explanation{
		Meaning: "No grant lets the person whose token it is use the app that the new token would be for.", Side: idp.SideHouse,
		Change: "If they should have it, grant it to them or to a group they are in."}},
	{"oidc.exchange.refuse", "more was asked than the token has", idp.Explanation{
		Meaning: "The app asked for scopes that the traded token has not, or the token was traded too often already.", Side: idp.SideApp,
		Change: "Leave scope out, or have the first app ask for the scope; let fewer apps stand between."}},
	{"oidc.exchange.refuse", "", idp.Explanation{
		Meaning: "The token to be traded is none of this provider, has expired, or what it stands for has ended.", Side: idp.SideApp,
		Change: "Have the app take a fresh access token from whoever calls it, and not keep it."}},

	{"oidc.par.refuse", "redirect_uri", idp.Explanation{
		Meaning: "The redirect_uri that was pushed is not one of the app's, compared byte by byte (RFC 9126 §2.1).", Side: idp.SideHouse,
		Change: "If the address received is the app's, register it; if not, correct it in the app's settings."}},
	{"oidc.par.refuse", "", idp.Explanation{
		Meaning: "The request that the app pushed, or the request object in it, breaks a rule (RFC 9126 §2, RFC 9101 §6); the reason says which.", Side: idp.SideApp,
		Change: "Correct the app's settings. A request object is signed with a key of the app's registration, for the issuer, and for an hour at most."}},

	{"oidc.proof.refuse", "certificate", idp.Explanation{
		Meaning: "The app's tokens are bound to its client certificate, and the call came with none, or with another (RFC 8705 §3).", Side: idp.SideApp,
		Change: "Have the app call the addresses of mtls_endpoint_aliases, with the certificate that it got the token with."}},
	{"oidc.proof.refuse", "and the app's tokens are bound to one", idp.Explanation{
		Meaning: "The app's registration demands that its tokens are bound to a key, and it came without a proof of one (RFC 9449 §5).", Side: idp.SideApp,
		Change: "Have the app send a DPoP proof with every token request, or take dpop_bound_access_tokens out of its registration."}},
	{"oidc.proof.refuse", "the token is not bound to a proof", idp.Explanation{
		Meaning: "An unbound token was sent with the scheme DPoP; it is a bearer token (RFC 9449 §7.1).", Side: idp.SideApp,
		Change: "Have the app send such a token as Bearer, or send a proof with the token request, so that the token is bound."}},
	{"oidc.proof.refuse", "the token is bound to a proof", idp.Explanation{
		Meaning: "A token that is bound to a key was sent as a bearer token: by an app that does not send proofs, or by somebody who has the token alone (RFC 9449 §7.2).", Side: idp.SideApp,
		Change: "Have the app send the token with the scheme DPoP and a proof. If it does, find out how the token got out, and end what the app holds (gatehouse app end-all)."}},
	{"oidc.proof.refuse", "the proof is of another key", idp.Explanation{
		Meaning: "The proof was made with another key than the token is bound to (RFC 9449 §7.1).", Side: idp.SideApp,
		Change: "Have the app keep one key for as long as it keeps the tokens, also with several processes. If it does, somebody else has its token."}},
	{"oidc.proof.refuse", "the proof was used before", idp.Explanation{
		Meaning: "Each DPoP proof counts once, and this one came a second time (RFC 9449 §11.1).", Side: idp.SideApp,
		Change: "Have the app make a new proof for every request, also when it tries again."}},
	{"oidc.proof.refuse", "iat is not about now", idp.Explanation{
		Meaning: "The DPoP proof is of another time than now, by more than a minute (RFC 9449 §11.1).", Side: idp.SideApp,
		Change: "See that the app's clock is right, and that it makes each proof when it is needed."}},
	{"oidc.proof.refuse", "htu is another address", idp.Explanation{
		Meaning: "The DPoP proof was made for another address than it was sent to (RFC 9449 §4.3).", Side: idp.SideApp,
		Change: "Have the app take the address from discovery, as the outside sees it: behind a proxy too, htu is below the issuer."}},
	{"oidc.proof.refuse", "", idp.Explanation{
		Meaning: "What should prove that the caller holds a key proves nothing (RFC 9449 §4.3); the reason says why.", Side: idp.SideApp,
		Change: "Have the app make its proofs with a library for DPoP; the algorithms that are taken stand in discovery."}},

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
