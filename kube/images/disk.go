//go:build linux

package images

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image returns the image of a name as it came, to push it to a registry or to build on it. The error is as that of Get.
func (s *Store) Image(ref string) (v1.Image, error) {
	name, err := Normalize(ref)
	if err != nil {
		return nil, err
	}
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	digest, ok := names[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	return s.onDisk(digest)
}

// onDisk is the image whose manifest has the digest.
func (s *Store) onDisk(digest v1.Hash) (v1.Image, error) {
	raw, err := os.ReadFile(s.blobPath(digest))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", digest, err)
	}
	return partial.CompressedToImage(diskImage{s, raw, &manifest})
}

// diskImage is what go-containerregistry needs to know of an image to derive all the rest.
type diskImage struct {
	store    *Store
	raw      []byte
	manifest *v1.Manifest
}

// RawManifest implements partial.CompressedImageCore, as do the others.
func (d diskImage) RawManifest() ([]byte, error) { return d.raw, nil }

// MediaType tells Docker's manifests from OCI's.
func (d diskImage) MediaType() (types.MediaType, error) { return mediaType(d.raw), nil }

// RawConfigFile reads the config.
func (d diskImage) RawConfigFile() ([]byte, error) {
	return os.ReadFile(d.store.blobPath(d.manifest.Config.Digest))
}

// LayerByDigest finds a layer, or the config, which a push treats alike.
func (d diskImage) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	for _, desc := range append(d.manifest.Layers, d.manifest.Config) {
		if desc.Digest == digest {
			return diskBlob{d.store.blobPath(digest), desc}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

// diskBlob is a stored layer.
type diskBlob struct {
	path string
	desc v1.Descriptor
}

// Digest implements partial.CompressedLayer, as do the others.
func (b diskBlob) Digest() (v1.Hash, error) { return b.desc.Digest, nil }

// Compressed reads the blob.
func (b diskBlob) Compressed() (io.ReadCloser, error) { return os.Open(b.path) }

// Size of the blob in bytes.
func (b diskBlob) Size() (int64, error) { return b.desc.Size, nil }

// MediaType says how the layer is packed.
func (b diskBlob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }

// mediaType of a manifest; those that do not say are OCI's.
func mediaType(manifest []byte) types.MediaType {
	var says struct {
		MediaType types.MediaType `json:"mediaType"`
	}
	if json.Unmarshal(manifest, &says) != nil || says.MediaType == "" {
		return types.OCIManifestSchema1
	}
	return says.MediaType
}
