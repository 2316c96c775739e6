package e2e

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/idp/saml/wire/wiretest"
	"gatehouse/web/api/client"
)

// rolled is a SAML house of two nodes with one PostgreSQL and one Redis. What an
// owner does is done on node 0, what people and apps do on node 1.
type rolled struct {
	samlHouse
	t     *testing.T
	owner *client.Client
	ada   *visitor
}

// certificates are those of RSA that are published, oldest first, as an owner sees
// them: the ID of each and what it is.
func (r *rolled) certificates(keys client.SAMLKeys) (ids []string, certs []*x509.Certificate) {
	r.t.Helper()
	for _, k := range keys.Keys {
		if k.Algorithm != "RS256" {
			continue
		}
		block, _ := pem.Decode([]byte(k.PEM))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			r.t.Fatal(err)
		}
		ids, certs = append(ids, k.ID), append(certs, cert)
	}
	return ids, certs
}

// shows demands that a node's metadata list these certificates of RSA, in this
// order, and are signed by the first.
func (r *rolled) shows(node int, path string, certs ...*x509.Certificate) {
	r.t.Helper()
	body := r.callBy(r.t, r.client(node, false), http.MethodGet, path, nil, "").Body
	var listed [][]byte
	for _, el := range document(r.t, body).FindElements("//KeyDescriptor//X509Certificate") {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(el.Text()), ""))
		if err != nil {
			r.t.Fatal(err)
		}
		if c, err := x509.ParseCertificate(der); err != nil {
			r.t.Fatal(err)
		} else if c.PublicKeyAlgorithm == x509.RSA {
			listed = append(listed, der)
		}
	}
	if !slices.EqualFunc(listed, certs, func(der []byte, c *x509.Certificate) bool { return bytes.Equal(der, c.Raw) }) {
		r.t.Errorf("node %d lists %d certificates at %s, and not these %d in this order", node, len(listed), path, len(certs))
	}
	wiretest.Signed(r.t, []byte(body), certs[0])
}

// signs demands that the next answer of node 1 to an app is signed with the key of
// cert, and with no other, by the word of xmlsec1.
func (r *rolled) signs(p provider, cert *x509.Certificate, others ...*x509.Certificate) {
	r.t.Helper()
	response := r.asserts(r.t, p.ACS, r.ada.get(r.t, p.redirected(r.t, p.ask().xml(), "")))
	wiretest.Signed(r.t, []byte(response), cert)
	id := document(r.t, response).FindElement("//Assertion").SelectAttrValue("ID", "")
	for _, other := range others {
		if err := wiretest.Verify(r.t, []byte(response), other, nsAssertion+":Assertion", id); err == nil {
			r.t.Errorf("it is signed with another key than it should be")
		}
	}
}

// TestACertificateIsRolledOverOnTwoNodes: each step is taken on one node, and the
// other goes by it in its very next answer; so does one that was killed and begins
// anew.
func TestACertificateIsRolledOverOnTwoNodes(t *testing.T) {
	t.Parallel()
	r := &rolled{t: t, samlHouse: newSAMLHouse(t, map[string]string{"GATEHOUSE_REDIS": startRedis(t).url()})}
	ctx := t.Context()
	r.owner = &client.Client{URL: securedURL, Token: r.admin.Token, HTTP: r.client(0, true)}
	beside := &client.Client{URL: securedURL, Token: r.admin.Token, HTTP: r.client(1, true)}
	r.ada = r.visitorAt(t, 1)
	r.signIn(t, r.ada, r.samlHouse.ada)
	crm, err := r.owner.App(ctx, "crm")
	if err != nil {
		t.Fatal(err)
	}
	hr, err := r.owner.App(ctx, "hr")
	if err != nil {
		t.Fatal(err)
	}
	const all = "/saml/metadata"
	ofCRM, ofHR := all+"/"+crm.ID, all+"/"+hr.ID

	keys, err := r.owner.SAMLKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, certs := r.certificates(keys)
	r.shows(1, all, certs...)
	r.signs(r.crm, certs[0])

	// Published on one, shown by the other at once, and signing for nobody.
	if keys, err = r.owner.NextSAMLKeys(ctx); err != nil {
		t.Fatal(err)
	}
	r.shows(1, all, r.two(keys)...)
	ids, certs := r.certificates(keys)
	old, next := certs[0], certs[1]
	r.signs(r.crm, old, next)

	// The CRM reads it on the one, and is led over on the other.
	if _, err := r.owner.SwitchApp(ctx, "crm", ""); err == nil || !strings.Contains(err.Error(), "not known to have this certificate") {
		t.Errorf("led over unread: %v", err)
	}
	r.shows(1, ofCRM, old, next)
	if _, err := r.owner.SwitchApp(ctx, "crm", ""); err != nil {
		t.Fatal(err)
	}
	r.signs(r.crm, next, old)
	r.signs(r.hr, old, next)
	r.shows(1, ofCRM, next, old)
	r.shows(1, ofHR, old, next)

	// Back, and there again; each time the very next answer.
	for range 3 {
		if _, err := r.owner.SwitchApp(ctx, "crm", ids[0]); err != nil {
			t.Fatal(err)
		}
		r.signs(r.crm, old, next)
		if _, err := r.owner.SwitchApp(ctx, "crm", ids[1]); err != nil {
			t.Fatal(err)
		}
		r.signs(r.crm, next, old)
	}

	// The node that an owner spoke to dies; another in its place agrees.
	r.nodes[0].kill()
	if r.nodes[0] = r.begin(t, r.env); t.Failed() {
		t.FailNow()
	}
	r.shows(0, ofCRM, next, old)
	r.shows(0, ofHR, old, next)

	if _, err := r.owner.RetireSAMLKey(ctx, ids[0], false); err == nil {
		t.Error("retired while it signs for HR")
	}
	if _, err := r.owner.SayAppHasKey(ctx, "hr"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.owner.SwitchRest(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r.signs(r.hr, next, old)
	r.shows(1, all, next, old)
	if _, err := r.owner.RetireSAMLKey(ctx, ids[0], false); err != nil {
		t.Fatal(err)
	}
	r.shows(1, all, next)
	r.signs(r.crm, next, old)
	if _, err := beside.SwitchApp(ctx, "crm", ids[0]); err == nil {
		t.Error("the other node leads an app to a retired key")
	}
	r.signs(r.crm, next, old)

	// The other one dies, too: what it begins with is what was decided.
	r.nodes[1].kill()
	if r.nodes[1] = r.begin(t, r.env); t.Failed() {
		t.FailNow()
	}
	r.shows(1, ofCRM, next)
	r.signs(r.crm, next, old)
	r.signs(r.hr, next, old)
}

// two are the certificates of now and next.
func (r *rolled) two(keys client.SAMLKeys) []*x509.Certificate {
	r.t.Helper()
	_, certs := r.certificates(keys)
	if len(certs) != 2 {
		r.t.Fatalf("%d certificates of RSA are published, not two", len(certs))
	}
	return certs
}
