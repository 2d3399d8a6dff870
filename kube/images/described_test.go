//go:build linux

package images

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// hostile is a registry that answers each question for a manifest and for a blob with what it is given, and counts the bytes that are taken.
type hostile struct {
	manifest, blob string
	large          int64 // how many zeros come after it
	packed         bool  // they come with gzip, also where nobody asked for it
	taken          atomic.Int64
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content := h.blob
	switch {
	case r.URL.Path == "/v2/":
		return
	case strings.Contains(r.URL.Path, "/manifests/"):
		content = h.manifest
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	}
	var out io.Writer = &counting{w, &h.taken}
	if h.packed && strings.Contains(r.URL.Path, "/blobs/") {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(out)
		defer packed.Close()
		out = packed
	}
	_, _ = io.WriteString(out, content)
	zeros := make([]byte, 1<<20)
	for left := h.large; left > 0; left -= int64(len(zeros)) {
		if _, err := out.Write(zeros); err != nil {
			return
		}
	}
}

// counting counts what is written.
type counting struct {
	io.Writer
	bytes *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

func TestADescriptionLargerThanAnyRealOneIsRefusedBeforeItIsRead(t *testing.T) {
	manifest := func(size int64) string {
		return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":"sha256:%x"},"layers":[]}`,
			size, sha256.Sum256(nil))
	}
	for what, registry := range map[string]*hostile{
		"a config of 10 GiB":                  {manifest: manifest(10 << 30), large: 256 << 20},
		"a config of 10 GiB, packed":          {manifest: manifest(10 << 30), large: 256 << 20, packed: true},
		"a config of unknown size":            {manifest: manifest(-1), large: 256 << 20},
		"a config that is larger than told":   {manifest: manifest(1 << 10), large: 256 << 20},
		"a config that is packed":             {manifest: manifest(1 << 10), large: 256 << 20, packed: true},
		"a config of a million parts":         {manifest: manifest(2<<20 + 14), blob: `{"history":[` + strings.Repeat("{},", 699_050) + "{}]}"},
		"a manifest of 90 MiB":                {manifest: `{"layers":["`, large: 90 << 20},
		"a manifest of a million layers":      {manifest: `{"layers":[` + strings.Repeat("{},", 1_000_000) + "{}]}"},
		"a manifest of a million annotations": {manifest: `{"annotations":{` + strings.Repeat(`"a":"b",`, 1_000_000) + `"a":"b"}}`},
	} {
		t.Run(what, func(t *testing.T) {
			server := httptest.NewServer(registry)
			defer server.Close()
			_, err := newStore(t).Pull(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/evil:1", authn.AuthConfig{})
			if err == nil {
				t.Error("it is taken")
			}
			server.CloseClientConnections()
			if taken := registry.taken.Load(); taken > 2*maxManifest+8<<20 { // what waits in sockets, too
				t.Errorf("%d bytes were taken", taken)
			}
		})
	}
}

func TestWhatIsBoundedIsWholeUpToItsBound(t *testing.T) {
	read := func(text string, most, elements int) error {
		got, err := io.ReadAll(&bounded{io.NopCloser(bytes.NewReader([]byte(text))), most, elements})
		if err == nil && string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
		return err
	}
	for text, want := range map[string]bool{"{}{}": true, "{}{}x": false, "{{{": false} {
		if err := read(text, 4, 2); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
