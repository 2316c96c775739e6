package saml

import "gatehouse/idp"

// explained are the refusals of this tongue by the rule in their audit line.
var explained = map[string]idp.Explanation{
	"message": {
		Meaning: "The message cannot be read as SAML: not deflated or encoded as the binding says, not XML, or too large.", Side: idp.SideApp,
		Change: "Compare the binding that the app uses with the one in our metadata; import /saml/metadata anew into the app."},
	"issuer": {
		Meaning: "The Issuer is not the entityID of a registered app, or not that of the app that was asked.", Side: idp.SideHouse,
		Change: "If the issuer received is the app's, register the app by its metadata; an entityID is compared byte by byte, with the slash at its end."},
	"signature": {
		Meaning: "The message is not signed with a key that is registered for the app, or not signed though it must be.", Side: idp.SideHouse,
		Change: "See whether the app has a new certificate and register it beside the old one; else turn signing of requests on in the app, with SHA-256."},
	"relay_state": {
		Meaning: "RelayState is longer than 1 KiB, or holds control characters, which no form hands back unchanged.", Side: idp.SideApp,
		Change: "Have the app encode its RelayState, or keep what it holds and send a key to it."},
	"acs": {
		Meaning: "AssertionConsumerServiceURL or its index is not registered for the app, or both came (SAML Core §3.4.1).", Side: idp.SideHouse,
		Change: "If the address is the app's, import its newest metadata; if not, correct the app's own address in its settings (often http for https behind a proxy)."},
	"destination": {
		Meaning: "Destination is not our address, or a signed message has none (SAML Bindings §3.4.5.2).", Side: idp.SideApp,
		Change: "Import /saml/metadata anew into the app: its address of this house is not the one of today."},
	"issue_instant": {
		Meaning: "The request is too old, or its time lies in the future.", Side: idp.SideApp,
		Change: "Set the clock of the app's machine (NTP); if the person waited long on a page, they start again."},
	"binding": {
		Meaning: "The app wants the assertion by another binding than HTTP-POST.", Side: idp.SideApp,
		Change: "Set HTTP-POST as the response binding in the app."},
	"name_id_policy": {
		Meaning: "The app wants a NameID that is not issued here, or one for another service provider.", Side: idp.SideApp,
		Change: "Set persistent, transient, emailAddress or unspecified as NameID format in the app, or register the one that it wants (name_id_format); see docs/saml.md."},
	"attribute_service": {
		Meaning: "AttributeConsumingServiceIndex names a service that the app's metadata here does not have.", Side: idp.SideHouse,
		Change: "Import the app's newest metadata, or take the index out in the app."},
	"idp_initiated": {
		Meaning: "Somebody opened the app from the portal with an answer that it did not ask for, and that is not allowed for it.", Side: idp.SideHouse,
		Change: "Set idp_initiated for the app if it cannot begin a sign-on itself; else give it a launch_url and reload the portal."},
	"authn_context": {
		Meaning: "The app demands a kind of sign-in (RequestedAuthnContext) that the person did not use, or that is not known here.", Side: idp.SideApp,
		Change: "Take RequestedAuthnContext out in the app, or demand a class that people here can reach; docs/saml.md lists them."},
	"subject": {
		Meaning: "The request is about another person than the one who signed in.", Side: idp.SidePerson,
		Change: "Sign out at Gatehouse and sign in as the person that the app means."},
	"cancelled": {
		Meaning: "The person was to sign in for an app and pressed Cancel; the app was told AuthnFailed.", Side: idp.SidePerson,
		Change: "Nothing, if that was meant. Else they open the app again."},
	"passive": {
		Meaning: "The app asked not to show anything (IsPassive), and the person has to sign in first.", Side: idp.SideApp,
		Change: "Nothing, if the app then starts again without IsPassive; else have it do so."},
	"grant": {
		Meaning: "The person signed in, and no grant lets them use this app.", Side: idp.SideHouse,
		Change: "If they should have it, grant it to them or to a group they are in."},
	"attributes": {
		Meaning: "What the app must be told of the person is not known, or cannot be written as a NameID.", Side: idp.SideHouse,
		Change: "Complete what is known of the person (an e-mail address, mostly), or change the app's attributes."},
	"replay": {
		Meaning: "This very message was taken before: somebody went back, or it was sent twice.", Side: idp.SidePerson,
		Change: "Start again from the app."},
	"sign_in": {
		Meaning: "The sign-in was finished in another browser than it was begun in, was used already, or took too long.", Side: idp.SidePerson,
		Change: "Start again from the app, in one browser, with cookies allowed."},
	"session": {
		Meaning: "The browser's session is gone, or is not the one that finished the sign-in.", Side: idp.SidePerson,
		Change: "Start again from the app."},
	"continue": {
		Meaning: "The way back from the sign-in was changed, is of another browser, or took too long.", Side: idp.SidePerson,
		Change: "Start again from the app."},
	"expired": {
		Meaning: "The request to sign somebody out had expired (NotOnOrAfter) when it came.", Side: idp.SideApp,
		Change: "Set the clock of the app's machine (NTP); give its logout requests a few minutes."},
	"encrypted_id": {
		Meaning: "The person to be signed out is named by an EncryptedID, and no key to encrypt to is published here.", Side: idp.SideApp,
		Change: "Turn encryption of the NameID in logout requests off in the app: the message goes over TLS."},
	"principal": {
		Meaning: "The NameID of the logout request was never told to this app.", Side: idp.SideApp,
		Change: "Have the app send the NameID exactly as it came in the assertion: value, Format and qualifiers. SPNameQualifier is the app's entityID."},
	"session_index": {
		Meaning: "No SessionIndex of the logout request was told to this app for that NameID, or there are more than 64.", Side: idp.SideApp,
		Change: "Have the app send the SessionIndex of the AuthnStatement as it came, or none: then all sessions of the person there are ended."},
	"in_response_to": {
		Meaning: "The answer names no LogoutRequest of ours.", Side: idp.SideApp,
		Change: "Have the app copy the ID of our LogoutRequest into InResponseTo as it is."},
	"age": {
		Meaning: "The answer came too long after the request, or its time is wrong.", Side: idp.SideApp,
		Change: "Set the clock of the app's machine (NTP)."},
}

// explainedDocuments are the refusals of metadata that is read again.
var explainedDocuments = map[string]idp.Explanation{
	"metadata": {
		Meaning: "What was read at the app's address is not its metadata, or cannot be used. What is registered stays, and people sign in as before.", Side: idp.SideApp,
		Change: "Open the address in a browser: it is to answer with the app's metadata itself, without a page to sign in. If the app publishes elsewhere now, say where: Its metadata, on the app's page."},
	"metadata_address": {
		Meaning: "The address at which the app's metadata is read did not answer, or not with a document. It is tried again by itself; what is registered stays.", Side: idp.SideApp,
		Change: "See whether the address is still the app's, and reachable from here; a private one has to be allowed (GATEHOUSE_OUTBOUND_ALLOW)."},
	"metadata_expired": {
		Meaning: "The document at the app's address has ended (validUntil). What is registered stays, and people sign in as before.", Side: idp.SideApp,
		Change: "Have the app, or the federation, publish a new one."},
	"metadata_unsigned": {
		Meaning: "A certificate is pinned for the app's metadata, and the root of the document has no signature in its first place. A signature of one entity in it is none of the whole.", Side: idp.SideApp,
		Change: "Read it where the signed document is published; federations often have both. If nobody signs it, take the pin away: what changes then waits for an owner."},
	"metadata_signer": {
		Meaning: "The document at the app's address is signed, and not with the certificate that is pinned for it, or that one is not valid now.", Side: idp.SideHouse,
		Change: "Ask the app's admin or the federation whether they sign with another certificate now, compare its fingerprint, and pin it. Never take it from the document."},
	"metadata_changed": {
		Meaning: "The pinned certificate signed a document, and what came is another: it was changed on the way, or did not arrive whole.", Side: idp.SideApp,
		Change: "Read it again. If it stays so, tell whoever publishes it: something between them and here rewrites it."},
	"metadata_algorithm": {
		Meaning: "The document is signed in a way that is not taken: with SHA-1, or with another canonicalization or transform than exclusive C14N.", Side: idp.SideApp,
		Change: "Ask for a document signed with SHA-256 and exclusive C14N; federations that still sign with SHA-1 offer a second one."},
}

// Explain says what a refusal of this tongue means and what to change; false
// for an audit line that is none.
func Explain(e idp.Event) (idp.Explanation, bool) {
	switch e.Kind {
	case kindRequestRefused, kindLogoutRefused:
		x, ok := explained[e.Detail["rule"]]
		x.Failed = inWords(e.Detail["reason"])
		return x, ok
	case kindMetadataRefused:
		x, ok := explainedDocuments[e.Detail["rule"]]
		x.Failed = e.Detail["detail"]
		return x, ok
	}
	return idp.Explanation{}, false
}
