//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// dockerSave is what `docker save` writes of two images.
func dockerSave(t *testing.T, one, two v1.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	err := tarball.MultiRefWrite(map[name.Reference]v1.Image{
		name.MustParseReference("one:1"):              one,
		name.MustParseReference("localhost:5000/two"): two,
	}, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// layoutTar is the tar of an OCI image layout with two images.
func layoutTar(t *testing.T, one, two v1.Image) []byte {
	t.Helper()
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for n, img := range map[string]v1.Image{"docker.io/library/one:1": one, "localhost:5000/two:latest": two} {
		if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{refName: n})); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

func zipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(content)
	w.Close()
	return b.Bytes()
}

func TestEveryKindOfArchiveIsLoaded(t *testing.T) {
	one, two := image(t, "one", archive(t, file("a", "1"))), image(t, "two", archive(t, file("a", "1")), archive(t, file("b", "2")))
	for kind, content := range map[string][]byte{
		"docker save":              dockerSave(t, one, two),
		"docker save, gzipped":     zipped(dockerSave(t, one, two)),
		"OCI image layout":         layoutTar(t, one, two),
		"OCI image layout, zipped": zipped(layoutTar(t, one, two)),
	} {
		store := newStore(t)
		loaded, err := store.Load(t.Context(), bytes.NewReader(content))
		if err != nil || len(loaded) != 2 {
			t.Errorf("%s: loaded %v, %v", kind, loaded, err)
			continue
		}
		want := map[string][]string{"one": {"docker.io/library/one:1"}, "two": {"localhost:5000/two:latest"}}
		if diff := cmp.Diff(want, namesOfAll(t, store)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		for _, img := range loaded {
			for _, layer := range store.Layers(img) {
				if !exists(layer) {
					t.Errorf("%s: layer %s is not unpacked", kind, layer)
				}
			}
		}
		if left := filesIn(t, store)["tmp"]; left > 0 {
			t.Errorf("%s: %d files left in tmp/", kind, left)
		}
	}
}

func TestADescriptionInAnArchiveThatIsLargerThanAnyRealOneIsNotRead(t *testing.T) {
	config := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("c", 64)}
	manifest := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("d", 64)}
	blob := func(of v1.Hash, content string) tar.Header { return file("blobs/sha256/"+of.Hex, content) }
	index := file("index.json", fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":9}]}`, manifest))
	describes := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":9},"layers":[]}`, config)
	large, many := strings.Repeat(" ", maxConfig)+" {}", strings.Repeat("[{},", maxElements+1)
	for name, content := range map[string][]byte{
		"manifest of docker save":              archive(t, file("manifest.json", large)),
		"parts of it":                          archive(t, file("manifest.json", many)),
		"manifest behind another of like name": archive(t, file("./manifest.json", "[]"), file("manifest.json", large)),
		"manifest behind a link":               archive(t, link("manifest.json", "other"), file("other", large)),
		"config of docker save":                archive(t, file("manifest.json", `[{"Config":"c.json","Layers":[]}]`), file("c.json", large)),
		"index of a layout":                    archive(t, file("oci-layout", "{}"), file("index.json", large)),
		"manifest of a layout":                 archive(t, file("oci-layout", "{}"), index, blob(manifest, large)),
		"config of a layout":                   archive(t, file("oci-layout", "{}"), index, blob(manifest, describes), blob(config, large)),
	} {
		_, err := newStore(t).Load(t.Context(), bytes.NewReader(content))
		if !errors.Is(err, errTooMuch) && (name != "manifest behind a link" || !strings.Contains(fmt.Sprint(err), "plain file")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsNoImageIsNotLoaded(t *testing.T) {
	store := newStore(t)
	for name, content := range map[string]string{
		"nothing":                   "",
		"no archive":                strings.Repeat("not an archive ", 100),
		"an archive of other files": string(archive(t, file("hello", "world"))),
		"a manifest that lies":      string(archive(t, file("manifest.json", `[{"Config":"../../etc/passwd","Layers":["/etc/shadow"]}]`))),
		"a layout of nothing":       string(archive(t, file("oci-layout", "{}"))),
	} {
		if loaded, err := store.Load(t.Context(), strings.NewReader(content)); err == nil {
			t.Errorf("%s: loaded %v", name, loaded)
		}
	}
	if diff := cmp.Diff(map[string]int{"blobs/sha256": 0, "layers": 0, "tmp": 0}, filesIn(t, store)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
