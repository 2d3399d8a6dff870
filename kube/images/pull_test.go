//go:build linux

package images

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// testRegistry is a registry on loopback that counts the blobs which it hands out.
type testRegistry struct {
	host  string
	blobs atomic.Int64
	hold  sync.RWMutex // whoever has it keeps the registry from answering
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.hold.RLock()
		defer r.hold.RUnlock()
		if request.Method == http.MethodGet && strings.Contains(request.URL.Path, "/blobs/") {
			r.blobs.Add(1)
		}
		inner.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *testRegistry) push(t *testing.T, repo string, img v1.Image) string {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

func TestAPulledImageIsTheOneThatWasPushed(t *testing.T) {
	store, registry := newStore(t), newRegistry(t)
	img := image(t, "run", archive(t, file("a", "1")), archive(t, file("b", "2")))
	ref := registry.push(t, "me/web:1", img)

	pulled, err := store.Pull(t.Context(), ref, authn.AuthConfig{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := img.ConfigName()
	digest, _ := img.Digest()
	if pulled.ID != id.String() || pulled.Config.Cmd[0] != "run" || len(store.Layers(pulled)) != 2 {
		t.Errorf("pulled %+v", pulled)
	}
	want := []string{registry.host + "/me/web@" + digest.String()}
	if diff := cmp.Diff(want, pulled.RepoDigests); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
	byDigest, err := store.Pull(t.Context(), want[0], authn.AuthConfig{})
	if diff := cmp.Diff(pulled, byDigest); err != nil || diff != "" {
		t.Errorf("pulled by digest: %v (-tag +digest):\n%s", err, diff)
	}
}

func TestOnlyContentThatIsMissingIsFetched(t *testing.T) {
	store, registry := newStore(t), newRegistry(t)
	base := archive(t, file("base", ""))
	one := registry.push(t, "one", image(t, "one", base))
	two := registry.push(t, "two", image(t, "two", base, archive(t, file("app", ""))))
	for _, step := range []struct {
		ref   string
		blobs int64
	}{{one, 2}, {two, 2}, {two, 1}} { // config and layer; config and the new layer; the config says that it is there
		before := registry.blobs.Load()
		if _, err := store.Pull(t.Context(), step.ref, authn.AuthConfig{}); err != nil {
			t.Fatal(err)
		}
		if got := registry.blobs.Load() - before; got != step.blobs {
			t.Errorf("pull %s fetched %d blobs, want %d", step.ref, got, step.blobs)
		}
	}
}

func TestPullsOfOneImageAtTheSameTimeAreOnePull(t *testing.T) {
	store, registry := newStore(t), newRegistry(t)
	ref := registry.push(t, "web", image(t, "run", archive(t, file("a", ""))))
	registry.blobs.Store(0)

	registry.hold.Lock()
	impatient, giveUp := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := store.Pull(impatient, ref, authn.AuthConfig{})
		first <- err
	}()
	var group errgroup.Group
	for range 30 {
		group.Go(func() error {
			_, err := store.Pull(t.Context(), ref, authn.AuthConfig{})
			return err
		})
	}
	giveUp() // one that gives up does not take the others with it
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the impatient caller got %v", err)
	}
	registry.hold.Unlock()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := registry.blobs.Load(); got > 8 { // 2 each; a caller that comes when a pull has just ended begins a new one
		t.Errorf("30 pulls fetched %d blobs", got)
	}
}

func TestThePlatformsImageIsPicked(t *testing.T) {
	store, registry := newStore(t), newRegistry(t)
	ours, other := image(t, "ours", archive(t, file("a", ""))), image(t, "other", archive(t, file("b", "")))
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
		mutate.IndexAddendum{Add: ours, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}})
	ref, err := name.ParseReference(registry.host + "/web")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	pulled, err := store.Pull(t.Context(), ref.Name(), authn.AuthConfig{})
	if err != nil || pulled.Config.Cmd[0] != "ours" {
		t.Fatalf("pulled %+v, %v", pulled, err)
	}
	digest, _ := index.Digest()
	if want := registry.host + "/web@" + digest.String(); len(pulled.RepoDigests) != 1 || pulled.RepoDigests[0] != want {
		t.Errorf("digests %v, want %s, which has the images of all platforms", pulled.RepoDigests, want)
	}
}

func TestAPullThatFailsSaysWhatItPulled(t *testing.T) {
	store, registry := newStore(t), newRegistry(t)
	for _, ref := range []string{registry.host + "/nothing:1", "no name"} {
		if _, err := store.Pull(t.Context(), ref, authn.AuthConfig{}); err == nil || !strings.Contains(err.Error(), ref) {
			t.Errorf("pull %q: %v", ref, err)
		}
	}
}

func TestARegistryThatNobodyVouchesForIsRefused(t *testing.T) {
	store := newStore(t)
	silent := log.New(io.Discard, "", 0)
	server := httptest.NewUnstartedServer(registry.New(registry.Logger(silent)))
	server.Config.ErrorLog = silent // of the client that hangs up
	server.StartTLS()
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "https://")
	ref, err := name.ParseReference(host + "/web")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image(t, "run"), remote.WithTransport(server.Client().Transport)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Pull(t.Context(), ref.Name(), authn.AuthConfig{}); err == nil {
		t.Error("pulled from a registry whose certificate nobody vouches for")
	}
}
