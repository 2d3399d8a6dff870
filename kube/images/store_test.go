//go:build linux

package images

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

func newStore(t testing.TB) *Store {
	t.Helper()
	needRoot(t)
	store, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// image builds an image of layers, which runs cmd.
func image(t testing.TB, cmd string, layers ...[]byte) v1.Image {
	t.Helper()
	img, err := mutate.Config(mutate.MediaType(empty.Image, types.OCIManifestSchema1), v1.Config{Cmd: []string{cmd}})
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if img, err = mutate.AppendLayers(img, static.NewLayer(layer, types.OCIUncompressedLayer)); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

func add(t testing.TB, store *Store, img v1.Image, names ...string) Image {
	t.Helper()
	added, err := store.Add(t.Context(), img, names...)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// namesOfAll lists each image of the store with its tags.
func namesOfAll(t testing.TB, store *Store) map[string][]string {
	t.Helper()
	images, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, image := range images {
		found[image.Config.Cmd[0]] = image.RepoTags
	}
	return found
}

// filesIn counts what a store has on disk.
func filesIn(t testing.TB, store *Store) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, dir := range []string{"blobs/sha256", "layers", "tmp"} {
		entries, err := os.ReadDir(filepath.Join(store.dir, dir))
		if err != nil {
			t.Fatal(err)
		}
		found[dir] = len(entries)
	}
	return found
}

func TestAnImageIsFoundByNameDigestAndID(t *testing.T) {
	store := newStore(t)
	layer := archive(t, file("hello", "world"))
	added := add(t, store, image(t, "run", layer), "web", "me/web:2")
	want := []string{"docker.io/library/web:latest", "docker.io/me/web:2"}
	if diff := cmp.Diff(want, added.RepoTags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, ref := range []string{"web", "docker.io/me/web:2", added.ID, strings.TrimPrefix(added.ID, "sha256:")} {
		got, err := store.Get(ref)
		if diff := cmp.Diff(added, got); err != nil || diff != "" {
			t.Errorf("Get(%q): %v (-want +got):\n%s", ref, err, diff)
		}
	}
	content, err := os.ReadFile(filepath.Join(store.Layers(added)[0], "hello"))
	if err != nil || string(content) != "world" {
		t.Errorf("the unpacked layer has %q, %v", content, err)
	}
	if _, err := store.Get("nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of an image that is not there: %v, want ErrNotFound", err)
	}
}

func TestImagesShareTheirLayers(t *testing.T) {
	store := newStore(t)
	base, app := archive(t, file("base", "b")), archive(t, file("app", "a"))
	one := add(t, store, image(t, "one", base), "one")
	two := add(t, store, image(t, "two", base, app), "two")
	if store.Layers(one)[0] != store.Layers(two)[0] {
		t.Errorf("the base layer is in %s and %s", store.Layers(one)[0], store.Layers(two)[0])
	}
	if err := store.Remove("one"); err != nil {
		t.Fatal(err)
	}
	for _, layer := range store.Layers(two) {
		if !exists(layer) {
			t.Errorf("%s went with the image that shared it", layer)
		}
	}
}

func TestAnImageThatLostItsNameStaysUntilItIsRemovedByID(t *testing.T) {
	store := newStore(t)
	old := add(t, store, image(t, "old", archive(t, file("old", ""))), "web")
	add(t, store, image(t, "new", archive(t, file("new", ""))), "web")
	want := map[string][]string{"old": nil, "new": {"docker.io/library/web:latest"}}
	if diff := cmp.Diff(want, namesOfAll(t, store)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if !exists(store.Layers(old)[0]) {
		t.Error("a container may still run from the old image, but its layer is gone")
	}
	if err := store.Remove(old.ID); err != nil {
		t.Fatal(err)
	}
	if exists(store.Layers(old)[0]) {
		t.Error("the old layer is still there")
	}
}

func TestARemovedImageLeavesNothing(t *testing.T) {
	store := newStore(t)
	add(t, store, image(t, "run", archive(t, file("a", "")), archive(t, file("b", ""))), "web", "web:2")
	if err := store.Remove("web"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{"run": {"docker.io/library/web:2"}}, namesOfAll(t, store)); diff != "" {
		t.Errorf("after its first name was removed (-want +got):\n%s", diff)
	}
	for range 2 { // the second time it is not there any more
		if err := store.Remove("web:2"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"blobs/sha256": 0, "layers": 0, "tmp": 0}, filesIn(t, store)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestAnotherProcessSeesAnImageAtOnce(t *testing.T) {
	runtime := newStore(t)
	loader, err := Open(runtime.dir) // what `kube image load` does
	if err != nil {
		t.Fatal(err)
	}
	added := add(t, loader, image(t, "run", archive(t, file("a", ""))), "web")
	if got, err := runtime.Get("web"); err != nil || got.ID != added.ID {
		t.Errorf("the runtime sees %v, %v", got, err)
	}
}

func TestManyWritersLoseNoImage(t *testing.T) {
	store := newStore(t)
	var group errgroup.Group
	for i := range 20 {
		other, err := Open(store.dir)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			name := string(rune('a' + i))
			_, err := other.Add(t.Context(), image(t, name, archive(t, file("shared", "")), archive(t, file(name, ""))), name)
			return errors.Join(err, other.Remove("nothing")) // which sweeps
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if found := namesOfAll(t, store); len(found) != 20 {
		t.Errorf("of 20 images %d are there: %v", len(found), found)
	}
	if diff := cmp.Diff(map[string]int{"blobs/sha256": 61, "layers": 21, "tmp": 0}, filesIn(t, store)); diff != "" {
		t.Errorf("on disk (-want +got):\n%s", diff)
	}
}

func TestALayerThatIsNotWhatTheConfigSaysIsRefused(t *testing.T) {
	store := newStore(t)
	img := image(t, "run", archive(t, file("a", "")))
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[0] = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Add(t.Context(), img, "web"); err == nil {
		t.Error("it was added")
	}
	if found := namesOfAll(t, store); len(found) > 0 {
		t.Errorf("the store has %v", found)
	}
	if _, err := Open(store.dir); err != nil { // which sweeps
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"blobs/sha256": 0, "layers": 0, "tmp": 0}, filesIn(t, store)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestOverlayStacksTheLayersAsTheImageMeansThem(t *testing.T) {
	store := newStore(t)
	added := add(t, store, image(t, "run",
		archive(t, dir("etc"), file("etc/old", "1"), file("etc/kept", "1"), dir("var"), file("var/a", "1"), dir("opt"), file("opt/a", "1")),
		archive(t, file("etc/.wh.old", ""), dir("var"), file("var/.wh..wh..opq", ""), file("var/b", "2"),
			file(".wh.opt", ""), dir("opt"), file("opt/b", "2")),
	), "web")
	layers := store.Layers(added)
	target := t.TempDir()
	if err := unix.Mount("overlay", target, "overlay", unix.MS_RDONLY, "lowerdir="+layers[1]+":"+layers[0]); err != nil {
		t.Skipf("needs overlay: %v", err)
	}
	defer unix.Unmount(target, 0)
	var found []string
	for _, path := range []string{"etc/old", "etc/kept", "var/a", "var/b", "opt/a", "opt/b"} {
		if exists(filepath.Join(target, path)) {
			found = append(found, path)
		}
	}
	if diff := cmp.Diff([]string{"etc/kept", "var/b", "opt/b"}, found); diff != "" {
		t.Errorf("files in the container (-want +got):\n%s", diff)
	}
}
