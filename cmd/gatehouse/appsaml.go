package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"gatehouse/idp/saml"
	"gatehouse/web/api/client"
)

// serviceProvider is the registration that the flags describe.
func (c appAddCmd) serviceProvider() (client.App, error) {
	a := client.App{Name: c.Name, Protocol: "saml", Identifier: c.EntityID, LaunchURL: c.LaunchURL, SAML: &client.SAML{MetadataURL: c.MetadataURL}}
	pin, err := c.pin()
	if err != nil {
		return a, err
	}
	if c.MetadataURL != "" {
		a.SAML.MetadataPin = pin
	}
	switch {
	case c.Metadata != "":
		if a.SAML.Metadata, err = oneOf(c.Metadata, c.EntityID, pin); err != nil {
			return a, err
		}
	case c.MetadataURL == "" && (c.EntityID == "" || len(c.ACS) == 0):
		return a, errors.New("give --metadata FILE, --metadata-url URL, or --entity-id and --acs for an app without metadata")
	}
	for i, url := range c.ACS {
		a.SAML.ACS = append(a.SAML.ACS, client.ACS{URL: url, Index: i, Default: i == 0})
	}
	for _, file := range c.Cert {
		pem, err := readText(file)
		if err != nil {
			return a, err
		}
		a.SAML.SigningCerts = append(a.SAML.SigningCerts, pem)
	}
	return a, nil
}

// pin is the certificate that signs the metadata; empty for none.
func (c appAddCmd) pin() (string, error) {
	if c.MetadataPin == "" {
		return "", nil
	}
	return readText(c.MetadataPin)
}

// oneOf reads the metadata of one service provider from a file, - for standard
// input: of a federation's file of many, that of the entityID alone. With a pin it
// refuses what that has not signed.
func oneOf(file, entityID, pin string) (string, error) {
	in := os.Stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer opened.Close()
		in = opened
	}
	read := bufio.NewReaderSize(in, saml.MaxDocument+1)
	head, _ := read.Peek(saml.MaxDocument + 1)
	if several := bytes.Contains(head, []byte("EntitiesDescriptor")); pin == "" && len(head) <= saml.MaxDocument && (entityID == "" || !several) {
		return string(head), nil // the server judges it
	}
	document, among, err := (&saml.Documents{Now: wallTime}).Choose(read, entityID, pin)
	if err == nil && document == nil {
		err = fmt.Errorf("the file holds %d service providers: say which with --entity-id", len(among))
	}
	return string(document), err
}

// printMetadata prints what the server reads in the metadata.
func (c appAddCmd) printMetadata(ctx context.Context, api *client.Client, from client.SAML) error {
	source := client.MetadataSource{Metadata: from.Metadata}
	if source.Metadata == "" {
		source = client.MetadataSource{URL: from.MetadataURL, EntityID: c.EntityID, Pin: from.MetadataPin}
	}
	m, err := api.ReadMetadata(ctx, source)
	if err != nil {
		return err
	}
	return c.print(m, func(w *tabwriter.Writer) {
		row(w, "entityID", m.EntityID)
		row(w, "calls itself", or(m.Name, "-"))
		for _, acs := range m.SAML.ACS {
			row(w, "assertion consumer", acs.URL)
		}
		row(w, "SOAP logout", or(m.SAML.SOAPLogoutURL, "-"))
		row(w, "front-channel logout", or(m.SAML.FrontLogoutURL, "-"))
		for _, cert := range m.Certificates {
			row(w, "signing certificate", cert.Subject+", SHA-256 "+cert.SHA256+", until "+at(&cert.NotAfter))
		}
		row(w, "signs its requests", map[bool]string{true: "yes", false: "not said"}[m.SAML.RequireSigned])
		row(w, "NameID", m.SAML.NameIDFormat)
		for _, words := range m.Warnings {
			row(w, "# "+words)
		}
	})
}
