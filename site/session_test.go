package site_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kubelab/site"
)

// pathOf is an address without the scheme and the host.
func pathOf(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.RequestURI()
}

func TestAnAddressLetsOneBrowserInAndTheNextOneIsFresh(t *testing.T) {
	r := serve(t, nil)
	for _, role := range []site.Role{site.Student, site.Viewer} {
		address := r.url(role)
		first, second := r.stranger(), r.stranger()
		if got := first.get(pathOf(t, address)); got.status != http.StatusSeeOther || got.header.Get("Location") != "/" {
			t.Errorf("the first %s gets %d", role, got.status)
		}
		if got := second.get(pathOf(t, address)); got.status != http.StatusUnauthorized || second.cookie != nil {
			t.Errorf("the second %s gets %d", role, got.status)
		}
		if got := first.get(pathOf(t, address)); got.status != http.StatusSeeOther {
			t.Errorf("the first %s goes there again and gets %d", role, got.status)
		}
		if r.url(role) == address {
			t.Error("the address is the same as before")
		}
		if got := second.get(pathOf(t, r.url(role))); got.status != http.StatusSeeOther {
			t.Errorf("with the next one it gets %d", got.status)
		}
		if got := second.get("/"); got.status != http.StatusOK || got.body != "<html>the page</html>" {
			t.Errorf("then it sees %d %s", got.status, got.body)
		}
	}
}

func TestWhoOnlyLooksAtAnAddressDoesNotSpendIt(t *testing.T) {
	r := serve(t, nil)
	path := pathOf(t, r.url(site.Student))
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		if b := r.stranger(); b.do(method, path, "", header("Origin", b.origin)).status < 400 || b.cookie != nil {
			t.Errorf("%s gets the cookie", method)
		}
	}
	if got := r.stranger().get(path); got.status != http.StatusSeeOther {
		t.Errorf("after that: %d", got.status)
	}
}

func TestAnAddressThatCannotBeRenewedIsNotSpent(t *testing.T) {
	full := false
	var kept string
	r := serve(t, func(c *site.Config) {
		publish := c.Publish
		c.Publish = func(role site.Role, url string) error {
			if full {
				return errors.New("no space left on device")
			}
			if role == site.Student {
				kept = url
			}
			return publish(role, url)
		}
	})
	full = true
	b := r.stranger()
	if got := b.get(pathOf(t, kept)); got.status != http.StatusInternalServerError || b.cookie != nil || !strings.Contains(got.body, "no space left") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	full = false
	if got := b.get(pathOf(t, kept)); got.status != http.StatusSeeOther {
		t.Errorf("when there is room again: %d", got.status)
	}
}

func TestTheCookieIsForNoScriptAndNoOtherSite(t *testing.T) {
	r := serve(t, nil)
	cookie := r.in(site.Student).cookie
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" || cookie.Secure {
		t.Errorf("over plain HTTP: %v", cookie)
	}
	other := serve(t, nil).in(site.Student).cookie
	if cookie.Name == other.Name || cookie.Value == other.Value {
		t.Errorf("a browser takes the cookies of two sites on one host for each other: %v, %v", cookie, other)
	}
}

// A browser leaves a Strict cookie out of all requests that a link on another site leads to, redirects included.
func TestWhoFollowsALinkOnAnotherSiteGetsInAllTheSame(t *testing.T) {
	r := serve(t, nil)
	b := r.stranger()
	crossSite := header("Sec-Fetch-Site", "cross-site")
	got := b.get(pathOf(t, r.url(site.Student)), crossSite)
	if got.status != http.StatusOK || got.header.Get("Refresh") != "0; url=/" || b.cookie == nil {
		t.Errorf("with a token: %d, %v", got.status, got.header)
	}
	b.cookie = nil
	if got := b.get("/", crossSite); got.header.Get("Refresh") != "0; url=/" {
		t.Errorf("without one: %d, %v", got.status, got.header)
	}
	if got := b.get("/", header("Sec-Fetch-Site", "same-origin")); got.status != http.StatusUnauthorized || got.header.Get("Refresh") != "" {
		t.Errorf("from our own page: %d, %v", got.status, got.header)
	}
}

// Nobody guesses 256 bits: to count tries would only give everybody on the machine, and every page, a way to lock the owner out.
func TestHoweverManyWrongTokensSomebodyTriesTheRightOneLetsIn(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Password = password })
	b := r.stranger()
	for range 150 {
		if got := b.get("/?token=00000000"); got.status != http.StatusUnauthorized {
			t.Fatalf("a wrong token gives %d", got.status)
		}
	}
	if got := b.get(pathOf(t, r.url(site.Student))); got.status != http.StatusSeeOther {
		t.Errorf("the right one: %d", got.status)
	}
	if got := enter(r.stranger(), password); got.status != http.StatusSeeOther {
		t.Errorf("the password: %d", got.status)
	}
}

const password = "correct horse battery"

func enter(b *browser, password string) answer {
	b.t.Helper()
	return b.post("/signin", url.Values{"password": {password}}.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
}

func TestThePasswordLetsAStudentIn(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Password = password })
	b := r.stranger()
	if got := b.get("/"); !strings.Contains(got.body, `type="password"`) {
		t.Errorf("nobody asks for it: %s", got.body)
	}
	for _, wrong := range []string{"", "correct horse batter", password + " "} {
		if got := enter(b, wrong); got.status != http.StatusUnauthorized || b.cookie != nil {
			t.Errorf("%q: %d", wrong, got.status)
		}
	}
	if got := enter(b, password); got.status != http.StatusSeeOther {
		t.Errorf("the right one: %d: %s", got.status, got.body)
	}
	if got := b.get("/"); got.status != http.StatusOK {
		t.Errorf("then: %d", got.status)
	}
}

func TestWhoGuessesPasswordsHasToStop(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Password = password })
	b := r.stranger()
	for range 10 {
		if got := enter(b, "wrong"); got.status != http.StatusUnauthorized {
			t.Fatalf("a wrong one: %d", got.status)
		}
	}
	if got := enter(b, password); got.status != http.StatusTooManyRequests || b.cookie != nil {
		t.Errorf("the eleventh is the right one: %d", got.status)
	}
}

func TestAPageOfAnotherSiteCannotSignIn(t *testing.T) {
	r := serve(t, func(c *site.Config) { c.Password = password })
	b := r.stranger()
	form := header("Content-Type", "application/x-www-form-urlencoded")
	if got := b.post("/signin", "password="+url.QueryEscape(password), form, header("Origin", "http://evil.example")); got.status != http.StatusForbidden || b.cookie != nil {
		t.Errorf("%d", got.status)
	}
}

func TestWhereThereIsNoPasswordNoneLetsIn(t *testing.T) {
	b := serve(t, nil).stranger()
	for _, guess := range []string{"", "x"} {
		if got := enter(b, guess); got.status != http.StatusForbidden || b.cookie != nil {
			t.Errorf("%q: %d", guess, got.status)
		}
	}
}

func TestAFloodOfRequestsIsSlowedDown(t *testing.T) {
	r := serve(t, nil)
	b := r.in(site.Student)
	refused := 0
	for range 300 {
		if got := b.get("/api/gates"); got.status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("of 300 requests at once %d were refused", refused)
	}
	if got := r.in(site.Student).get("/api/gates"); got.status != http.StatusOK {
		t.Errorf("another browser gets %d", got.status)
	}
}

func TestTheFilesOfAddressesAreTheirOwnersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site-url")
	keep := site.KeepIn(file)
	for _, role := range []site.Role{site.Student, site.Viewer} {
		for _, address := range []string{"http://127.0.0.1:1/?token=first", "http://127.0.0.1:1/?token=second"} {
			if err := keep(role, address); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(site.URLFile(file, role))
			if err != nil || strings.TrimSpace(string(content)) != address {
				t.Errorf("%s, %v", content, err)
			}
		}
		if info, err := os.Stat(site.URLFile(file, role)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
