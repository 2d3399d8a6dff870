//go:build linux

package images

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnImageThatCannotBeReadDoesNotKeepTheOthersFromBeingUsed(t *testing.T) {
	store := newStore(t)
	whole, bad := image(t, "whole", archive(t, file("a", "1"))), image(t, "bad", archive(t, file("b", "2")))
	add(t, store, whole, "whole")
	id := add(t, store, bad, "bad").ID
	config := filepath.Join(store.dir, "blobs", "sha256", id[len("sha256:"):])
	if err := os.WriteFile(config, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := Open(store.dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"whole": {"docker.io/library/whole:latest"}}
	if diff := cmp.Diff(want, namesOfAll(t, store)); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if _, err := store.Get("bad"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the one that cannot be read: %v, want not found, so that it is pulled again", err)
	}
	if again := add(t, store, bad, "bad"); again.ID != id {
		t.Errorf("added again: %v", again)
	}
}

func TestAnIndexThatCannotBeReadCostsNamesButNoImage(t *testing.T) {
	store := newStore(t)
	img := image(t, "whole", archive(t, file("a", "1")))
	before := add(t, store, img, "whole")
	if err := os.WriteFile(filepath.Join(store.dir, "index.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := Open(store.dir)
	if err != nil {
		t.Fatal(err)
	}
	after, err := store.Get(before.ID)
	if err != nil || len(after.RepoTags) != 0 {
		t.Errorf("by its ID: %v, %v", after, err)
	}
	if _, err := os.Stat(filepath.Join(store.Layers(after)[0], "a")); err != nil {
		t.Errorf("its layer: %v", err)
	}
	if again := add(t, store, img, "whole"); again.ID != before.ID || len(again.RepoTags) != 1 {
		t.Errorf("added again: %v", again)
	}
}

func TestAnImageIsFoundByEachOfItsNames(t *testing.T) {
	store := newStore(t)
	img := image(t, "sh", archive(t, file("a", "1")))
	id := add(t, store, img, "busybox", "localhost:5000/other:1").ID
	for _, name := range []string{
		"busybox", "busybox:latest", "library/busybox", "docker.io/library/busybox:latest", "docker.io/busybox", "localhost:5000/other:1",
		id, id[len("sha256:"):], id[:20], id[len("sha256:"):][:12],
	} {
		if found, err := store.Get(name); err != nil || found.ID != id {
			t.Errorf("%s: %v, %v", name, found.ID, err)
		}
	}
	if all, err := store.List(); err != nil || len(all) != 1 || len(all[0].RepoTags) != 2 {
		t.Errorf("all images: %v, %v: want one with two names", all, err)
	}
	if all, err := store.List(); err != nil || !slices.Equal(all[0].Names(), []string{"docker.io/library/busybox:latest", "localhost:5000/other:1"}) {
		t.Errorf("its names for people: %v, %v", all, err)
	}
	if _, err := store.Get("busybox:other"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a tag that it does not have: %v", err)
	}
}
