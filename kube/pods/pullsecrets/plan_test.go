package pullsecrets

import (
	"encoding/base64"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secret has one entry for each server, of a user whose password is not told.
func secret(users ...[2]string) *corev1.Secret {
	var entries []string
	for _, user := range users {
		entries = append(entries, `"`+user[0]+`": {"username": "`+user[1]+`", "password": "s3cret"}`)
	}
	return holding(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths": {`+strings.Join(entries, ",")+`}}`)
}

func holding(kind corev1.SecretType, key, content string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "login"}, Type: kind, Data: map[string][]byte{key: []byte(content)}}
}

// users are those who try to pull an image, in turn.
func users(t *testing.T, image string, secrets ...*corev1.Secret) string {
	t.Helper()
	found, err := Plan(image, secrets)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, auth := range found {
		names = append(names, auth.Username)
	}
	return strings.Join(names, " ")
}

func TestAnEntryIsForAServerItsPortAndAPathOrAPatternOfNames(t *testing.T) {
	for _, test := range []struct {
		server, image string
		fits          bool
	}{
		{"quay.example", "quay.example/me/web:1", true},
		{"https://quay.example", "quay.example/me/web:1", true},
		{"https://quay.example/v2/", "quay.example/me/web:1", true},
		{"http://quay.example/v1/", "quay.example/me/web:1", true},
		{"quay.example/v2/me", "quay.example/me/web:1", true},
		{"quay.example/v2", "quay.example/me/web:1", false}, // it is a repository of that name
		{"https://quay.example/v2/v2ray/", "quay.example/v2ray/x", true},
		{"https://quay.example/v2/v2ray/", "quay.example/rayon/x", false},
		{"quay.example/me/", "quay.example/me/web:1", true},
		{"quay.example/me/", "quay.example/mean/web:1", false},
		{"quay.example/me/web:1", "quay.example/me/web:1", false}, // an entry is for a repository, not for one of its images
		{"quay.example", "other.example/me/web:1", false},
		{"quay.example", "quay.example:5000/me/web:1", false},
		{"quay.example:5000", "quay.example:5000/me/web:1", true},
		{"quay.example:5000", "quay.example/me/web:1", false},
		{"quay.example/me", "quay.example/me/web:1", true},
		{"quay.example/you", "quay.example/me/web:1", false},
		{"*.kubernetes.io", "abc.kubernetes.io/web", true},
		{"*.kubernetes.io", "kubernetes.io/web", false},
		{"*.kubernetes.io", "abc.def.kubernetes.io/web", false},
		{"*.*.kubernetes.io", "abc.def.kubernetes.io/web", true},
		{"prefix.*.io", "prefix.kubernetes.io/web", true},
		{"*-good.kubernetes.io", "prefix-good.kubernetes.io/web", true},
		{"*-good.kubernetes.io", "bad.kubernetes.io/web", false},
		{"[.example", "a.example/web", false},
		{"https://index.docker.io/v1/", "busybox", true},
		{"https://index.docker.io/v1/", "docker.io/me/web", true},
		{"docker.io", "busybox", true},
		{"https://index.docker.io/v1/", "quay.example/web", false},
	} {
		if got := users(t, test.image, secret([2]string{test.server, "alice"})) == "alice"; got != test.fits {
			t.Errorf("an entry for %s fits %s: %t", test.server, test.image, got)
		}
	}
}

func TestTheNarrowerEntryIsTriedFirstThenAsTheSecretsCome(t *testing.T) {
	got := users(t, "quay.example/me/web:1",
		secret([2]string{"quay.example", "anybody"}, [2]string{"quay.example/me/web", "web"}, [2]string{"quay.example/you", "you"}),
		secret([2]string{"quay.example/me", "me"}, [2]string{"https://quay.example", "somebody"}))
	if got != "web me anybody somebody" {
		t.Errorf("they try in the order %s", got)
	}
}

func TestASecretIsReadInTheOlderFormToo(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("alice:a:b"))
	old := holding(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"quay.example": {"auth": "`+auth+`", "username": "nobody", "email": "a@example"}}`)
	found, err := Plan("quay.example/web", []*corev1.Secret{old})
	if err != nil || len(found) != 1 || found[0].Username != "alice" || found[0].Password != "a:b" {
		t.Errorf("found %v, %v", found, err)
	}
	if got := users(t, "quay.example/web", holding(corev1.SecretTypeOpaque, corev1.DockerConfigKey, string(old.Data[corev1.DockerConfigKey]))); got != "" {
		t.Errorf("a Secret of another type has credentials of %s", got)
	}
}

func TestWhatIsWrongWithASecretIsToldWithoutWhatIsInIt(t *testing.T) {
	half := base64.StdEncoding.EncodeToString([]byte("481516"))
	for content, want := range map[string]string{
		`{"auths": 481516}`: "secret login: its .dockerconfigjson is not what docker login writes",
		`{"auths": {"quay.example": {"auth": "` + half + `"}}}`: "secret login: the auth of quay.example in its .dockerconfigjson must be base64 of user:password",
	} {
		_, err := Plan("quay.example/web", []*corev1.Secret{holding(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, content)})
		if err == nil || err.Error() != want {
			t.Errorf("of %s: %v", content, err)
		}
	}
}
