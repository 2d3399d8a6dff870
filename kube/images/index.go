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
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

// refName is the OCI image layout's annotation for the name of a manifest in index.json.
const refName = "org.opencontainers.image.ref.name"

// names say which name is which manifest, as index.json has it.
type names map[string]v1.Descriptor

// names reads them.
func (s *Store) names() (names, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, "index.json"))
	if errors.Is(err, os.ErrNotExist) {
		return names{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read image index: %w", err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(content, &index); err != nil {
		return nil, fmt.Errorf("read image index of %s: %w", s.dir, err)
	}
	all := names{}
	for _, about := range index.Manifests {
		all[about.Annotations[refName]] = about
	}
	return all, nil
}

// changeNames replaces index.json by what change makes of it. Changes of several processes come one after the other. The caller has locked the
// content.
func (s *Store) changeNames(change func(names)) error {
	release, err := flock(filepath.Join(s.dir, "index.lock"), exclusive)
	if err != nil {
		return err
	}
	defer release()
	all, err := s.names()
	if err != nil {
		return err
	}
	change(all)
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		about := all[name]
		about.Annotations = map[string]string{refName: name}
		index.Manifests = append(index.Manifests, about)
	}
	content, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return s.writeFile("index.json", content)
}

// of lists the names of the image whose manifest has the digest, in order.
func (n names) of(digest v1.Hash) []string {
	var found []string
	for name, about := range n {
		if about.Digest == digest {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// beginningWith is the only image whose ID begins so, as people copy it from a list.
func (n names) beginningWith(ref string) (about v1.Descriptor, ok bool) {
	for name, one := range n {
		if idPattern.MatchString(name) && len(ref) >= 3 && strings.HasPrefix(name, "sha256:"+strings.TrimPrefix(ref, "sha256:")) {
			if ok {
				return v1.Descriptor{}, false
			}
			about, ok = one, true
		}
	}
	return about, ok
}

// remove takes a name out, and all names of its image if no tag is left or the name is no tag.
func (n names) remove(name string) {
	about, ok := n[name]
	delete(n, name)
	rest := n.of(about.Digest)
	if !ok || isTag(name) && slices.ContainsFunc(rest, isTag) {
		return
	}
	for _, other := range rest {
		delete(n, other)
	}
}

// read describes an image, with the names that the index has for it.
func (s *Store) read(about v1.Descriptor, index names) (Image, error) {
	manifest, config, err := s.onDisk(about)
	if err != nil {
		return Image{}, err
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
	for _, name := range index.of(about.Digest) {
		switch {
		case isTag(name):
			image.RepoTags = append(image.RepoTags, name)
		case name != image.ID:
			image.RepoDigests = append(image.RepoDigests, name)
		}
	}
	return image, nil
}

// onDisk reads manifest and config of an image of the index.
func (s *Store) onDisk(about v1.Descriptor) (*v1.Manifest, *v1.ConfigFile, error) {
	img, err := layout.Path(s.dir).Image(about.Digest)
	if err != nil {
		return nil, nil, err
	}
	manifest, config, err := parts(img)
	if err != nil {
		return nil, nil, fmt.Errorf("read image %s: %w", about.Digest, err)
	}
	return manifest, config, nil
}

// parts returns an image's manifest and config, which have equally many layers.
func parts(img v1.Image) (*v1.Manifest, *v1.ConfigFile, error) {
	manifest, err := img.Manifest()
	if err == nil {
		err = checkConfig(manifest.Config)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("manifest: %w", err)
	}
	raw, err := img.RawConfigFile()
	if err == nil {
		err = checkElements(raw)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("config: %w", err)
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
