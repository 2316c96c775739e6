package oidc

import (
	"strings"
	"testing"

	"gatehouse/idp/fetch"
)

// FuzzLogoutAnswer: what an app answers to a logout token reaches the receipt
// only as an error code, in the alphabet of error codes.
func FuzzLogoutAnswer(f *testing.F) {
	f.Add(400, `{"error":"invalid_request","error_description":"<b>"}`, "7")
	f.Add(503, `{"error":"<script>"}`, "-1")
	f.Fuzz(func(t *testing.T, status int, body, retryAfter string) {
		res := &fetch.Response{Status: status, Header: map[string][]string{"Retry-After": {retryAfter}}, Body: []byte(body)}
		said, err := judgeAnswer(res)
		if (err == nil) != (status == 200 || status == 204) || (said == "") != (err != nil) {
			t.Fatalf("%d: %q, %v", status, said, err)
		}
		if code := errorCode(res.Body); strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" || len(code) > 60 {
			t.Fatalf("the receipt would say %q", code)
		}
	})
}
