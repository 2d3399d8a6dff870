//go:build linux

package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"
)

func (s *Store) blobPath(digest v1.Hash) string {
	return filepath.Join(s.dir, "blobs", digest.Algorithm, digest.Hex)
}

// addLayer stores a layer of img, packed and unpacked, unless it is there.
func (s *Store) addLayer(ctx context.Context, img v1.Image, digest, diffID v1.Hash, allowed *budget) error {
	if !exists(s.blobPath(digest)) {
		layer, err := img.LayerByDigest(digest)
		if err != nil {
			return fmt.Errorf("find layer %s: %w", digest, err)
		}
		content, err := layer.Compressed()
		if err != nil {
			return fmt.Errorf("fetch layer %s: %w", digest, err)
		}
		defer content.Close()
		if err := s.addBlob(digest, &roomy{Reader: reader{ctx, content}, room: s.room}); err != nil {
			return fmt.Errorf("fetch layer %s: %w", digest, err)
		}
	}
	if exists(s.layerDir(diffID.String())) {
		return nil
	}
	if err := s.unpackBlob(ctx, digest, diffID, allowed); err != nil {
		return fmt.Errorf("unpack layer %s: %w", digest, err)
	}
	return nil
}

// unpackBlob unpacks the layer whose blob is stored. Its directory appears when it is whole, on disk, and found to be what the config promised.
func (s *Store) unpackBlob(ctx context.Context, digest, diffID v1.Hash, image *budget) error {
	temp, err := os.MkdirTemp(filepath.Join(s.dir, "tmp"), "layer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil { // it is the container's "/", unless the layer says otherwise
		return err
	}
	layer, err := partial.CompressedToLayer(blob(s.blobPath(digest)))
	if err != nil {
		return err
	}
	archive, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer archive.Close()
	hash := sha256.New()
	// The limit holds for what follows the archive's end, too: it is part of the digest.
	bounded := io.LimitReader(reader{ctx, archive}, 2*layerLimits.bytes)
	content := io.TeeReader(bounded, hash)
	allowed := newBudget(layerLimits, image, nil)
	if packed, err := os.Stat(s.blobPath(digest)); err == nil {
		allowed.grow(packed.Size())
	}
	if err := unpack(temp, content, allowed); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != diffID.Hex {
		return fmt.Errorf("its content is sha256:%s, the image's config says %s", got, diffID)
	}
	if err := syncAll(temp); err != nil {
		return err
	}
	err = os.Rename(temp, s.layerDir(diffID.String()))
	if errors.Is(err, os.ErrExist) { // somebody else was faster
		return nil
	}
	return err
}

// addDescription stores the image's config and manifest, and returns what the index says of the manifest.
func (s *Store) addDescription(img v1.Image, manifest *v1.Manifest) (v1.Descriptor, error) {
	config, err := img.RawConfigFile()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("fetch config: %w", err)
	}
	raw, err := img.RawManifest()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("fetch manifest: %w", err)
	}
	about, err := partial.Descriptor(img)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("read manifest: %w", err)
	}
	return *about, errors.Join(
		s.addBlob(manifest.Config.Digest, bytes.NewReader(config)),
		s.addBlob(about.Digest, bytes.NewReader(raw)))
}

// addBlob stores content, whose SHA-256 must be digest.
func (s *Store) addBlob(digest v1.Hash, content io.Reader) error {
	if digest.Algorithm != "sha256" {
		return fmt.Errorf("digest %s: want sha256", digest)
	}
	hash := sha256.New()
	temp, err := s.writeTemp(io.TeeReader(content, hash))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != digest.Hex {
		return errors.Join(fmt.Errorf("its content is sha256:%s, not %s", got, digest), os.Remove(temp))
	}
	return os.Rename(temp, s.blobPath(digest))
}

// writeFile replaces a file of the store: after a crash it has the old or the new content.
func (s *Store) writeFile(name string, content []byte) error {
	temp, err := s.writeTemp(bytes.NewReader(content))
	if err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(s.dir, name))
}

// writeTemp writes content to a new file in tmp/, and forces it to disk.
func (s *Store) writeTemp(content io.Reader) (path string, err error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, "tmp"), "file-")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncAll forces everything below dir to disk (and all else that waits to be written to the same filesystem).
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// blob is the path of a packed layer, of which no more is asked than its content.
type blob string

// Compressed reads the layer as it is; partial.CompressedToLayer finds out how it is packed.
func (b blob) Compressed() (io.ReadCloser, error) { return os.Open(string(b)) }

// Digest, Size and MediaType have to be there for partial.CompressedLayer, and are not asked for.
func (b blob) Digest() (v1.Hash, error)            { return v1.Hash{}, nil }
func (b blob) Size() (int64, error)                { return 0, nil }
func (b blob) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// reader ends when the context does.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
