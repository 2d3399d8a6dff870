//go:build linux

package kubelet

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/containers/containerstest"
	"kubelab/kube/images"
)

// password is what the private registry asks alice for.
const password = "tr0ub4dor"

// privateImage is an image that a registry on loopback gives only to alice.
func privateImage(t *testing.T) (ref string) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		user, word, _ := request.BasicAuth()
		if user != "alice" || word != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
			http.Error(w, "no entry for "+user, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	image, err := images.Busybox(containerstest.Busybox)
	if err != nil {
		t.Fatal(err)
	}
	full, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/me/web:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(full, image, remote.WithAuth(&authn.Basic{Username: "alice", Password: password})); err != nil {
		t.Fatal(err)
	}
	return full.Name()
}

// login is a Secret for the registry of an image, and for a part of it that nobody wants.
func login(image, word string) *corev1.Secret {
	server, _, _ := strings.Cut(image, "/")
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "login"}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil,
			`{"auths": {%q: {"username": "alice", "password": %q}, %q: {"username": "bob", "password": "b"}}}`, server, word, server+"/me")}}
}

// private is a pod whose image is pulled with the Secret.
func private(name, image string) *corev1.Pod {
	return pod(name, obedient, func(p *corev1.Pod) {
		p.Spec.Containers[0].Image = image
		p.Spec.Containers[0].ImagePullPolicy = corev1.PullAlways
		p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "login"}}
	})
}

// told are the events about a pod for a reason.
func (l *lab) told(pod, reason string) string {
	l.t.Helper()
	list, err := l.admin.CoreV1().Events("default").List(l.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + pod + ",reason=" + reason})
	l.must(err)
	var lines []string
	for _, event := range list.Items {
		lines = append(lines, event.Message)
	}
	return strings.Join(lines, "\n")
}

func TestAPrivateImageIsPulledWithTheCredentialsOfThePodsSecret(t *testing.T) {
	l := newLab(t)
	image := privateImage(t)
	_, err := l.admin.CoreV1().Secrets("default").Create(l.t.Context(), login(image, password), metav1.CreateOptions{})
	l.must(err)
	l.create(private("web-1", image))
	l.becomes("web-1", "ready", ready)

	events, err := l.admin.CoreV1().Events("default").List(l.t.Context(), metav1.ListOptions{})
	l.must(err)
	for what, all := range map[string]any{"the causal record": l.steps(), "the events": events, "the pod": l.get("web-1")} {
		text, err := json.Marshal(all)
		l.must(err)
		if strings.Contains(string(text), password) || strings.Contains(string(text), "alice") {
			t.Errorf("%s: the credentials are in it", what)
		}
	}
}

func TestAPullWithAMissingSecretSaysSoAndSucceedsWhenTheSecretIsThere(t *testing.T) {
	l := newLab(t)
	image := privateImage(t)
	l.create(private("web-1", image))
	p := l.becomes("web-1", "refused by the registry", waitsFor("ImagePullBackOff"))
	if message := web(p).State.Waiting.Message; !strings.Contains(message, `Back-off pulling image "`+image) || !strings.Contains(message, "401 Unauthorized") {
		t.Errorf("its status says %s", message)
	}
	want := "Unable to retrieve some image pull secrets (login); attempting to pull the image may not succeed."
	l.waitFor("an event to tell of it", func() bool { return strings.Contains(l.told("web-1", "FailedToRetrieveImagePullSecret"), want) })

	secrets := l.admin.CoreV1().Secrets("default")
	_, err := secrets.Create(l.t.Context(), login(image, "wrong"), metav1.CreateOptions{})
	l.must(err)
	l.waitFor("both credentials to be refused, the narrower one first", func() bool {
		_, after, refused := strings.Cut(l.told("web-1", "Failed"), "no entry for bob")
		return refused && strings.Contains(after, "no entry for alice")
	})
	_, err = secrets.Update(l.t.Context(), login(image, password), metav1.UpdateOptions{})
	l.must(err)
	l.becomes("web-1", "ready", ready)
	if told := l.told("web-1", "Failed"); strings.Contains(told, password) || strings.Contains(told, "wrong") {
		t.Errorf("the events tell %s", told)
	}
}
