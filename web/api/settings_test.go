package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"gatehouse/idp"
	"gatehouse/web/api/client"
)

// TestEverySettingOfAnAppIsOnTheWire: what the house knows of a relying party
// comes and goes by the API, but for what nobody may say or see.
func TestEverySettingOfAnAppIsOnTheWire(t *testing.T) {
	t.Parallel()
	ours := []string{"JWTUntil", "RegisteredBy", "RegistrationTokenHash", "Removed"}
	var all idp.OIDCSettings
	v := reflect.ValueOf(&all).Elem()
	for i := range v.NumField() {
		fill(t, v.Field(i), v.Type().Field(i).Name)
	}
	all.JWKS = `{"keys":[]}`
	wire := app(idp.App{OIDC: &all}).OIDC
	if wire.SecretHashes != nil {
		t.Error("the hashes of secrets are told")
	}
	wire.SecretHashes = all.SecretHashes // they are taken and never told
	back, err := oidcSettings(*wire)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		came := reflect.DeepEqual(reflect.ValueOf(back).Elem().Field(i).Interface(), v.Field(i).Interface())
		if came == slices.Contains(ours, name) {
			t.Errorf("%s: it came back is %v", name, came)
		}
	}
}

// TestEverySettingOfAServiceProviderIsOnTheWire, but for the document that it was
// read from and its end, the key that a rollover has bound it to, and what became
// of it.
func TestEverySettingOfAServiceProviderIsOnTheWire(t *testing.T) {
	t.Parallel()
	ours := []string{"MetadataXML", "SigningKey", "Removed", "Was"}
	var all idp.SAMLSettings
	v := reflect.ValueOf(&all).Elem()
	for i := range v.NumField() {
		fill(t, v.Field(i), v.Type().Field(i).Name)
	}
	all.Metadata.Until, all.Metadata.PublishedAt, all.Metadata.Before = time.Time{}, time.Time{}, nil
	identifier := ""
	back, err := new(API).samlSettings(*app(idp.App{SAML: &all}).SAML, &identifier)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		came := reflect.DeepEqual(reflect.ValueOf(back).Elem().Field(i).Interface(), v.Field(i).Interface())
		if came == slices.Contains(ours, name) {
			t.Errorf("%s: it came back is %v", name, came)
		}
	}
	if old, err := new(API).samlSettings(client.SAML{SignResponse: true}, &identifier); err != nil || old.Sign != idp.SignBoth {
		t.Errorf("sign_response is read as %q, %v", old.Sign, err)
	}
}

// fill sets a field to something that is not its zero value.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
	case time.Duration:
		v.SetInt(int64(time.Minute))
	case bool:
		v.SetBool(true)
	default:
		switch v.Kind() {
		case reflect.Int:
			v.SetInt(1)
		case reflect.String:
			v.SetString(name)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(t, v.Index(0), name)
		case reflect.Struct:
			for i := range v.NumField() {
				fill(t, v.Field(i), v.Type().Field(i).Name)
			}
		default:
			t.Fatalf("%s is a %s: say here how it is filled", name, v.Kind())
		}
	}
}

// TestOpenAPIListsEveryMemberOfAnApp by the name that it has on the wire.
func TestOpenAPIListsEveryMemberOfAnApp(t *testing.T) {
	t.Parallel()
	s := schemas{}
	s.of(client.App{})
	for name, shape := range map[string]any{"App": client.App{}, "OIDC": client.OIDC{}, "SAML": client.SAML{}} {
		v := reflect.New(reflect.TypeOf(shape)).Elem()
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Pointer {
				f.Set(reflect.New(f.Type().Elem()))
			} else if f.Kind() == reflect.Slice {
				f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			} else if f.Kind() == reflect.Map {
				f.Set(reflect.MakeMap(f.Type()))
				var one any = []any{}
				if f.Type().Elem().Kind() == reflect.String {
					one = "text"
				}
				f.SetMapIndex(reflect.ValueOf("keys"), reflect.ValueOf(one))
			} else if _, isTime := f.Interface().(time.Time); !isTime {
				fill(t, f, v.Type().Field(i).Name)
			}
		}
		raw, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		listed := s[name].(map[string]any)["properties"].(map[string]any)
		for member := range members {
			if listed[member] == nil {
				t.Errorf("%s.%s is not in the document", name, member)
			}
		}
	}
	keys := s["OIDC"].(map[string]any)["properties"].(map[string]any)["jwks"]
	if want := map[string]any{"type": "object", "additionalProperties": map[string]any{}}; !reflect.DeepEqual(keys, want) {
		t.Errorf("jwks is %v: its members are not texts", keys)
	}
}
