//go:build linux

package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// refName is the OCI image layout's annotation for the name of a manifest in index.json.
const refName = "org.opencontainers.image.ref.name"

// names reads which name is which manifest.
func (s *Store) names() (map[string]v1.Hash, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, "index.json"))
	if errors.Is(err, os.ErrNotExist) {
		return map[string]v1.Hash{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read image index: %w", err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(content, &index); err != nil {
		return nil, fmt.Errorf("read image index of %s: %w", s.dir, err)
	}
	names := map[string]v1.Hash{}
	for _, m := range index.Manifests {
		names[m.Annotations[refName]] = m.Digest
	}
	return names, nil
}

// changeNames replaces index.json by what change makes of it. Changes of several processes come one after the other. The caller has locked the
// content.
func (s *Store) changeNames(change func(map[string]v1.Hash)) error {
	release, err := flock(filepath.Join(s.dir, "index.lock"), exclusive)
	if err != nil {
		return err
	}
	defer release()
	names, err := s.names()
	if err != nil {
		return err
	}
	change(names)
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		manifest, err := os.ReadFile(s.blobPath(names[name]))
		if err != nil {
			return fmt.Errorf("read manifest of %s: %w", name, err)
		}
		index.Manifests = append(index.Manifests, v1.Descriptor{
			MediaType:   mediaType(manifest),
			Digest:      names[name],
			Size:        int64(len(manifest)),
			Annotations: map[string]string{refName: name},
		})
	}
	content, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return s.writeFile("index.json", content)
}

// read describes the image whose manifest has the digest, with the names that the index has for it.
func (s *Store) read(digest v1.Hash, index map[string]v1.Hash) (Image, error) {
	img, err := s.onDisk(digest)
	if err != nil {
		return Image{}, err
	}
	manifest, config, err := parts(img)
	if err != nil {
		return Image{}, fmt.Errorf("read image %s: %w", digest, err)
	}
	image := Image{
		ID:      manifest.Config.Digest.String(),
		Size:    manifest.Config.Size,
		Created: config.Created.Time,
		Config:  config.Config,
	}
	for _, layer := range manifest.Layers {
		image.Size += layer.Size
	}
	for _, id := range config.RootFS.DiffIDs {
		image.DiffIDs = append(image.DiffIDs, id.String())
	}
	for _, name := range namesOf(digest, index) {
		switch {
		case isTag(name):
			image.RepoTags = append(image.RepoTags, name)
		case name != image.ID:
			image.RepoDigests = append(image.RepoDigests, name)
		}
	}
	return image, nil
}

// parts returns an image's manifest and config, which have equally many layers.
func parts(img v1.Image) (*v1.Manifest, *v1.ConfigFile, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, nil, fmt.Errorf("manifest: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, nil, fmt.Errorf("the manifest has %d layers, the config %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	return manifest, config, nil
}

// How a file is locked.
const (
	shared    = unix.LOCK_SH
	exclusive = unix.LOCK_EX
)

// flock locks the file at path for this caller against all others, in this process or another, until release. The kernel releases it
// when the process dies. With unix.LOCK_NB, the error is unix.EWOULDBLOCK when somebody else has it.
func flock(path string, how int) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// lockContent keeps sweeps away (shared: whoever writes has it), or all writers (exclusive: the sweep).
func (s *Store) lockContent(how int) (release func(), err error) {
	return flock(filepath.Join(s.dir, "lock"), how)
}
