//go:build linux

package images

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Load adds the images of an archive, plain or gzipped: what `docker save` or `podman save` writes, or an OCI image layout in a tar. It returns
// the images in the order of the archive.
func (s *Store) Load(ctx context.Context, archive io.Reader) ([]Image, error) {
	release, err := s.lockContent(shared) // or a sweep takes the copy away
	if err != nil {
		return nil, err
	}
	defer release()
	plain, err := gunzip(archive)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	path, err := s.writeTemp(&roomy{Reader: reader{ctx, plain}, room: s.room})
	if err != nil {
		return nil, fmt.Errorf("load images: copy the archive: %w", err)
	}
	defer os.Remove(path)

	opener := func() (io.ReadCloser, error) { return os.Open(path) }
	isLayout, err := hasFile(opener, "oci-layout")
	if err != nil {
		return nil, fmt.Errorf("load images: read the archive: %w", err)
	}
	load := s.loadDocker
	if isLayout { // what Docker 25 and later writes is both; this one holds the layers as they are
		load = s.loadLayout
	}
	images, err := load(ctx, opener)
	if err != nil {
		return nil, fmt.Errorf("load images: %w", err)
	}
	return images, nil
}

// loadDocker adds what `docker save` wrote before Docker 25: manifest.json says which files are which image.
func (s *Store) loadDocker(ctx context.Context, opener tarball.Opener) ([]Image, error) {
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, fmt.Errorf("neither an archive of `docker save` nor an OCI image layout: %w", err)
	}
	var loaded []Image
	for _, entry := range manifest {
		var tag *name.Tag
		if len(entry.RepoTags) > 0 {
			first, err := name.NewTag(entry.RepoTags[0])
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrInvalidName, err)
			}
			tag = &first
		}
		img, err := tarball.Image(opener, tag)
		if err != nil {
			return nil, fmt.Errorf("read image %v: %w", entry.RepoTags, err)
		}
		added, err := s.Add(ctx, img, entry.RepoTags...)
		if err != nil {
			return nil, fmt.Errorf("add image %v: %w", entry.RepoTags, err)
		}
		loaded = append(loaded, added)
	}
	return loaded, nil
}

// loadLayout adds the images of an OCI image layout.
func (s *Store) loadLayout(ctx context.Context, opener tarball.Opener) ([]Image, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.dir, "tmp"), "layout-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	archive, err := opener()
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	if err := unpack(dir, archive, newBudget(plainLimits, nil, s.room)); err != nil { // confined as a layer is
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read index.json: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read index.json: %w", err)
	}
	var loaded []Image
	for _, entry := range manifest.Manifests {
		img, err := pick(index, entry)
		if err != nil {
			return nil, fmt.Errorf("read image %s: %w", entry.Digest, err)
		}
		added, err := s.Add(ctx, img, layoutName(entry)...)
		if err != nil {
			return nil, fmt.Errorf("add image %s: %w", entry.Digest, err)
		}
		loaded = append(loaded, added)
	}
	return loaded, nil
}

// pick returns the image of an entry of an index, or, if that is an index again, the one in it for our platform.
func pick(index v1.ImageIndex, entry v1.Descriptor) (v1.Image, error) {
	if !entry.MediaType.IsIndex() {
		return index.Image(entry.Digest)
	}
	nested, err := index.ImageIndex(entry.Digest)
	if err != nil {
		return nil, err
	}
	manifest, err := nested.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if m.MediaType.IsImage() && (m.Platform == nil || m.Platform.Satisfies(platform)) {
			return nested.Image(m.Digest)
		}
	}
	return nil, fmt.Errorf("no image for %s", platform)
}

// layoutName is the name that an entry of an OCI image layout gives its image, if any. Docker writes the full name where only containerd looks, and just
// the tag where the specification says; a tag alone is no name.
func layoutName(entry v1.Descriptor) []string {
	for _, key := range []string{"io.containerd.image.name", refName} {
		if n := entry.Annotations[key]; strings.ContainsAny(n, ":/") && !idPattern.MatchString(n) {
			return []string{n}
		}
	}
	return nil
}

// gunzip unpacks r if it is gzipped.
func gunzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(2)
	if err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		return gzip.NewReader(buffered)
	}
	return buffered, nil
}

// hasFile says whether a tar archive has a file of that name at its top.
func hasFile(opener tarball.Opener, name string) (bool, error) {
	f, err := opener()
	if err != nil {
		return false, err
	}
	defer f.Close()
	for entries := tar.NewReader(f); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return false, err
		}
		if inside(header.Name) == name {
			return true, nil
		}
	}
}
