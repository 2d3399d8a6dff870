//go:build linux

package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// How large the description of an image may be, which is read into memory whole.
const (
	maxConfig = 4 << 20
	// maxElements is how many JSON objects are in it, of which the smallest has two bytes, and takes a hundred in memory.
	maxElements = 50_000
)

// described is a way to a registry by which nothing large comes but blobs. The library would read manifests of 100 MiB.
type described struct{ http.RoundTripper }

// RoundTrip sends a request.
func (d described) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := d.RoundTripper.RoundTrip(request)
	if err == nil && !(isBlob(request) && response.StatusCode == http.StatusOK) {
		response.Body = &bounded{response.Body, maxManifest, maxElements}
	}
	return response, err
}

// isBlob is whether a request is for a blob, also where the registry has sent it elsewhere.
func isBlob(request *http.Request) bool {
	for request.Response != nil {
		request = request.Response.Request
	}
	return strings.Contains(request.URL.Path, "/blobs/")
}

// bounded fails when it has more bytes, or more JSON objects.
type bounded struct {
	io.ReadCloser
	bytes, elements int
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes -= n
	b.elements -= bytes.Count(p[:n], []byte("{"))
	if b.bytes < 0 || b.elements < 0 {
		return 0, errTooMuch
	}
	return n, err
}

var errTooMuch = fmt.Errorf("the description of the image has more than %d bytes or %d parts", maxManifest, maxElements)

// checkConfig says whether an image's config may be read, which has the size that the manifest says.
func checkConfig(about v1.Descriptor) error {
	if about.Size < 0 || about.Size > maxConfig || len(about.Data) > maxConfig {
		return fmt.Errorf("the config has %d bytes, of %d that it may have", about.Size, maxConfig)
	}
	return nil
}

// checkElements says whether a description is to be decoded.
func checkElements(raw []byte) error {
	if len(raw) > maxManifest || bytes.Count(raw, []byte("{")) > maxElements {
		return errors.New("it has too many parts")
	}
	return nil
}
