package tokens

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var now = time.Unix(1_900_000_000, 0)

func account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "a1"}}
}

func pod() *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "p1"}, Spec: corev1.PodSpec{ServiceAccountName: "web"}}
}

// request is one for a token that is bound to a pod of this UID.
func request(uid types.UID) *authenticationv1.TokenRequest {
	r := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: "web-1"}}}
	r.Spec.BoundObjectRef.UID = uid
	Default(r)
	return r
}

func granted(t *testing.T) Claims {
	t.Helper()
	c, err := Grant(account(), request("p1"), pod(), "t1", now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATokenSaysWhoItsHolderIsAndForHowLong(t *testing.T) {
	c := granted(t)
	want := Claims{
		Audience: []string{Issuer}, Issuer: Issuer, ID: "t1", Subject: "system:serviceaccount:shop:web",
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Unix() + 3600,
		Bound: Bound{Namespace: "shop", Account: Object{"web", "a1"}, Pod: &Object{"web-1", "p1"}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	user := authenticationv1.UserInfo{
		Username: "system:serviceaccount:shop:web", UID: "a1",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"},
		Extra: map[string]authenticationv1.ExtraValue{
			"authentication.kubernetes.io/credential-id": {"JTI=t1"},
			"authentication.kubernetes.io/pod-name":      {"web-1"}, "authentication.kubernetes.io/pod-uid": {"p1"}},
	}
	if diff := cmp.Diff(user, User(c, "system:authenticated")); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
}

func TestATokenIsBoundToAPodOfItsAccountOnly(t *testing.T) {
	other := pod()
	other.Spec.ServiceAccountName = "db"
	secret := request("p1")
	secret.Spec.BoundObjectRef.Kind = "Secret"
	for want, c := range map[string]struct {
		request *authenticationv1.TokenRequest
		pod     *corev1.Pod
	}{
		`pods "web-1" not found`: {request("p1"), nil},
		`the UID in the bound object reference (other) does not match the UID in record`: {request("other"), pod()},
		`cannot bind token for serviceaccount "web" to pod running with different`:       {request("p1"), other},
		`cannot bind token to object of type v1, Kind=Secret`:                            {secret, pod()},
	} {
		if _, err := Grant(account(), c.request, c.pod, "t1", now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error: %v, want %s", err, want)
		}
	}
}

func TestATokenIsWorthNothingWhenWhatItSpeaksOfIsGone(t *testing.T) {
	gone, again, deleted, anotherAccount := pod(), pod(), pod(), account()
	again.UID, anotherAccount.UID = "p2", "a2"
	deleted.DeletionTimestamp = &metav1.Time{Time: now.Add(-2 * time.Minute)}
	gone.DeletionTimestamp = &metav1.Time{Time: now.Add(time.Minute)} // it is ending
	for name, c := range map[string]struct {
		audience string
		account  *corev1.ServiceAccount
		pod      *corev1.Pod
		after    time.Duration
		good     bool
	}{
		"all is there":             {Issuer, account(), pod(), 0, true},
		"the pod is ending":        {Issuer, account(), gone, 0, true},
		"it has expired":           {Issuer, account(), pod(), time.Hour, false},
		"it is from the future":    {Issuer, account(), pod(), -time.Second, false},
		"it is for somebody else":  {"vault", account(), pod(), 0, false},
		"the account is gone":      {Issuer, nil, pod(), 0, false},
		"the account is another":   {Issuer, anotherAccount, pod(), 0, false},
		"the pod is gone":          {Issuer, account(), nil, 0, false},
		"the pod is another":       {Issuer, account(), again, 0, false},
		"the pod was deleted once": {Issuer, account(), deleted, 0, false},
	} {
		err := Check(granted(t), []string{c.audience}, c.account, c.pod, now.Add(c.after))
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATokenLivesForTenMinutesAtLeast(t *testing.T) {
	for seconds, good := range map[int64]bool{599: false, 600: true, 1 << 32: true, 1<<32 + 1: false} {
		r := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
		if errs := Validate(r); (len(errs) == 0) != good {
			t.Errorf("%d seconds: %v", seconds, errs)
		}
	}
}

func newKey(t *testing.T) *Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestOnlyWhatWasSignedHereIsBelieved(t *testing.T) {
	key, claims := newKey(t), granted(t)
	token, err := key.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	got, err := key.Read(token)
	if diff := cmp.Diff(claims, got); diff != "" || err != nil {
		t.Errorf("read again: %v (-want +got):\n%s", err, diff)
	}
	foreign, err := newKey(t).Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for name, forged := range map[string]string{
		"another's": foreign, "nothing": "", "no signature": parts[0] + "." + parts[1] + ".", "a word": "token",
		"unsigned": none + "." + parts[1] + ".", "another header": none + "." + parts[1] + "." + parts[2],
		"other claims": parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"system:serviceaccount:shop:admin"}`)) + "." + parts[2],
	} {
		if _, err := key.Read(forged); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
