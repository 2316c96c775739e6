package directory

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/idp"
)

func TestSettingsOfSigningOn(t *testing.T) {
	t.Parallel()
	const unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	many := make([]idp.AttributeService, maxServices+1)
	for i := range many {
		many[i] = idp.AttributeService{Index: i, Names: []string{"mail"}}
	}
	service := func(index int, names ...string) idp.SAMLSettings {
		return idp.SAMLSettings{AttributeServices: []idp.AttributeService{{Index: index, Names: names}}}
	}
	for name, c := range map[string]struct {
		s     idp.SAMLSettings
		field string // "": it is right
	}{
		"nothing said":              {idp.SAMLSettings{}, ""},
		"transient":                 {idp.SAMLSettings{NameIDFormat: nameIDTransient}, ""},
		"email":                     {idp.SAMLSettings{NameIDFormat: nameIDEmail}, ""},
		"email that follows":        {idp.SAMLSettings{NameIDFormat: nameIDEmail, NameIDSource: "email"}, ""},
		"unspecified by name":       {idp.SAMLSettings{NameIDFormat: unspecified, NameIDSource: "username"}, ""},
		"any format by ID":          {idp.SAMLSettings{NameIDFormat: "https://app.example/format", NameIDSource: "id"}, ""},
		"unspecified by nothing":    {idp.SAMLSettings{NameIDFormat: unspecified}, "name_id_source"},
		"persistent by name":        {idp.SAMLSettings{NameIDSource: "username"}, "name_id_source"},
		"transient by name":         {idp.SAMLSettings{NameIDFormat: nameIDTransient, NameIDSource: "username"}, "name_id_source"},
		"what many people have":     {idp.SAMLSettings{NameIDFormat: unspecified, NameIDSource: "given_name"}, "name_id_source"},
		"a constant":                {idp.SAMLSettings{NameIDFormat: unspecified, NameIDSource: "const:x"}, "name_id_source"},
		"no URN":                    {idp.SAMLSettings{NameIDFormat: "email", NameIDSource: "email"}, "name_id_format"},
		"a URN with a line feed":    {idp.SAMLSettings{NameIDFormat: "urn:x:\n", NameIDSource: "email"}, "name_id_format"},
		"encrypted":                 {idp.SAMLSettings{NameIDFormat: nameIDEncrypted, NameIDSource: "email"}, "name_id_format"},
		"entity":                    {idp.SAMLSettings{NameIDFormat: nameIDEntity, NameIDSource: "email"}, "name_id_format"},
		"opened from the portal":    {idp.SAMLSettings{IdPInitiated: true, RelayState: strings.Repeat("é", 512)}, ""},
		"1 KiB and one":             {idp.SAMLSettings{IdPInitiated: true, RelayState: strings.Repeat("r", 1025)}, "relay_state"},
		"a line feed":               {idp.SAMLSettings{IdPInitiated: true, RelayState: "a\nb"}, "relay_state"},
		"broken UTF-8":              {idp.SAMLSettings{IdPInitiated: true, RelayState: "a\xff"}, "relay_state"},
		"a RelayState for nothing":  {idp.SAMLSettings{RelayState: "/start"}, "relay_state"},
		"a service":                 {service(65535, "mail"), ""},
		"a service without names":   {service(1), "attribute_services"},
		"a service with an empty":   {service(1, "mail", ""), "attribute_services"},
		"a service below nothing":   {service(-1, "mail"), "attribute_services"},
		"a service above":           {service(65536, "mail"), "attribute_services"},
		"two services, one index":   {idp.SAMLSettings{AttributeServices: []idp.AttributeService{many[0], many[0]}}, "attribute_services"},
		"more services than anyone": {idp.SAMLSettings{AttributeServices: many}, "attribute_services"},
	} {
		err := checkSSO(&c.s)
		e, _ := errors.AsType[*idp.Error](err)
		switch {
		case c.field == "" && err != nil, c.field != "" && (e == nil || e.Kind != idp.Invalid || e.Fields[c.field] == ""):
			t.Errorf("%s: %v", name, err)
		case err == nil && c.s.NameIDFormat == "":
			t.Errorf("%s: no format is stored", name)
		}
	}
}
