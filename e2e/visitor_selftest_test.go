package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestVisitorKeepsCookiesAndFollowsOnlyWhenTold(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: r.PostFormValue("username"), Path: "/"})
		http.Redirect(w, r, "/middle", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /middle", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/end?code=1", http.StatusFound)
	})
	mux.HandleFunc("GET /end", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		w.Write([]byte("hello " + c.Value + " from " + r.Host))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	home := strings.Replace(server.URL, "127.0.0.1", "wiki.localhost", 1)

	v := newVisitor(t)
	first := v.postForm(t, home+"/in", url.Values{"username": {"ada"}})
	if first.Status != http.StatusSeeOther || first.location(t).Path != "/middle" {
		t.Fatalf("got %d to %q, want the redirect itself", first.Status, first.Header.Get("Location"))
	}
	if who := v.cookies(t, home)["who"]; who != "ada" {
		t.Errorf("cookie who = %q, want ada", who)
	}
	if stopped := first.follow(t, home+"/end"); stopped.location(t).Query().Get("code") != "1" {
		t.Errorf("stopped at %s", stopped.URL)
	}
	if last := first.follow(t); last.Status != http.StatusOK || !strings.HasPrefix(last.Body, "hello ada from wiki.localhost") {
		t.Errorf("ended with %d %q", last.Status, last.Body)
	}
}
