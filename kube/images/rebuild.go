//go:build linux

package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxManifest is how large a manifest may be, in bytes; upstream's registries take no larger one.
const maxManifest = 4 << 20

// rebuild makes an index anew if the old one cannot be read. The images have their IDs again, so that containers keep their layers. Names are lost:
// a pull brings them back, and finds the content here.
func (s *Store) rebuild() error {
	_, err := s.names()
	if unreadable := (*json.SyntaxError)(nil); err == nil || !errors.As(err, &unreadable) {
		return err
	}
	path := filepath.Join(s.dir, "index.json")
	slog.Error("the image index cannot be read: images lose their names until they are pulled or loaded again", "kept", path+".broken", "error", err)
	if err := os.Rename(path, path+".broken"); err != nil {
		return err
	}
	blobs := map[string]bool{}
	if err := s.list("blobs/sha256", blobs); err != nil {
		return err
	}
	return s.changeNames(func(index names) {
		for hex := range blobs {
			if about, id, ok := s.asImage(v1.Hash{Algorithm: "sha256", Hex: hex}); ok {
				index[id] = about
			}
		}
	})
}

// asImage describes a blob, if it is the manifest of an image whose config is here.
func (s *Store) asImage(digest v1.Hash) (about v1.Descriptor, id string, ok bool) {
	content, err := os.Open(s.blobPath(digest))
	if err != nil {
		return about, "", false
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil || info.Size() > maxManifest {
		return about, "", false
	}
	manifest, err := v1.ParseManifest(content)
	if err != nil || len(manifest.Layers) == 0 || !exists(s.blobPath(manifest.Config.Digest)) {
		return about, "", false
	}
	return v1.Descriptor{MediaType: manifest.MediaType, Digest: digest, Size: info.Size()}, manifest.Config.Digest.String(), true
}

// broken tells of an image whose description cannot be read. It does not keep the others from being used, and adding it again mends it.
func broken(about v1.Descriptor, err error) error {
	slog.Error("an image cannot be read: pull or load it again", "manifest", about.Digest, "error", err)
	return fmt.Errorf("%w: what is here of it cannot be read, pull or load it again: %w", ErrNotFound, err)
}
