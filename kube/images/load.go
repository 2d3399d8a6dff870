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
	if err := checkFile(opener, "manifest.json", maxManifest); err != nil {
		return nil, err
	}
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, fmt.Errorf("neither an archive of `docker save` nor an OCI image layout: %w", err)
	}
	var loaded []Image
	for _, entry := range manifest {
		if err := checkFile(opener, entry.Config, maxConfig); err != nil {
			return nil, fmt.Errorf("read image %v: %w", entry.RepoTags, err)
		}
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
	blobs := blobsIn(dir)
	if err := checkDescription(filepath.Join(dir, "index.json"), maxManifest); err != nil {
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
		img, err := blobs.pick(index, entry)
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

// blobsIn is the folder of an OCI image layout.
type blobsIn string

// pick returns the image of an entry of an index, or, if that is an index again, the one in it for our platform. What describes it
// may be read into memory.
func (dir blobsIn) pick(index v1.ImageIndex, entry v1.Descriptor) (v1.Image, error) {
	if err := dir.check(entry.Digest, maxManifest); err != nil {
		return nil, err
	}
	if !entry.MediaType.IsIndex() {
		return dir.image(index, entry.Digest)
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
			if err := dir.check(m.Digest, maxManifest); err != nil {
				return nil, err
			}
			return dir.image(nested, m.Digest)
		}
	}
	return nil, fmt.Errorf("no image for %s", platform)
}

// image is that of a manifest, whose config may be read.
func (dir blobsIn) image(index v1.ImageIndex, digest v1.Hash) (v1.Image, error) {
	img, err := index.Image(digest)
	if err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	return img, dir.check(manifest.Config.Digest, maxConfig)
}

// check says whether a blob may be read into memory as a description.
func (dir blobsIn) check(digest v1.Hash, most int64) error {
	if strings.ContainsAny(digest.Algorithm+digest.Hex, "/.") {
		return fmt.Errorf("%s is no digest", digest)
	}
	return checkDescription(filepath.Join(string(dir), "blobs", digest.Algorithm, digest.Hex), most)
}

// checkDescription says whether a file may be read into memory as a description, of at most so many bytes. Where there is none, its
// reader says so.
func checkDescription(path string, most int64) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, &bounded{f, int(most), maxElements})
	return errors.Join(err, f.Close())
}

// checkFile says the same of a file of an archive, which its reader finds by exactly this name. A description that is a link is
// refused: its reader follows links.
func checkFile(opener tarball.Opener, name string, most int64) error {
	content, header, err := find(opener, func(entry string) bool { return entry == name })
	if err != nil || header == nil {
		return err
	}
	defer content.Close()
	if header.Typeflag != tar.TypeReg {
		return fmt.Errorf("%s is no plain file", name)
	}
	_, err = io.Copy(io.Discard, &bounded{content, int(most), maxElements})
	return err
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
	content, header, err := find(opener, func(entry string) bool { return inside(entry) == name })
	if err != nil || header == nil {
		return false, err
	}
	return true, content.Close()
}

// find opens the first file with such a name in a tar archive; header is nil where there is none.
func find(opener tarball.Opener, is func(name string) bool) (content io.ReadCloser, header *tar.Header, err error) {
	f, err := opener()
	if err != nil {
		return nil, nil, err
	}
	for entries := tar.NewReader(f); ; {
		header, err := entries.Next()
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return nil, nil, errors.Join(err, f.Close())
		}
		if is(header.Name) {
			return struct {
				io.Reader
				io.Closer
			}{entries, f}, header, nil
		}
	}
}
