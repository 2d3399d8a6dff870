//go:build linux

package images

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

// Store keeps images in a directory. It may be used by many goroutines, and many processes may have a Store of the same directory.
type Store struct {
	dir   string
	pulls singleflight.Group // by name and credentials
	room  func() error       // says whether the disk has some

	usage      sync.Mutex
	layerUsage map[string]Usage // by diff id
}

// Open opens the store in dir, which is made if it is not there, and removes what an interrupted writer left.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, room: func() error { return roomIn(dir) }}
	// Only root may look into layers: a program in them with the setuid bit would be one for every user of the node.
	for _, sub := range []string{"blobs/sha256", "layers", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make image store: %w", err)
		}
	}
	release, err := s.lockContent(shared)
	if err != nil {
		return nil, err
	}
	err = s.writeFile("oci-layout", []byte(`{"imageLayoutVersion": "1.0.0"}`))
	release()
	if err != nil {
		return nil, fmt.Errorf("make image store: %w", err)
	}
	if err := errors.Join(s.rebuild(), s.sweep()); err != nil {
		return nil, fmt.Errorf("clean image store %s: %w", dir, err)
	}
	return s, nil
}

// Add puts an image into the store, unpacked, under names (none: only its ID). A name that another image had now means this one.
func (s *Store) Add(ctx context.Context, img v1.Image, names ...string) (Image, error) {
	var full []string
	for _, n := range names {
		name, err := Normalize(n)
		if err != nil {
			return Image{}, err
		}
		full = append(full, name)
	}
	return s.add(ctx, img, full)
}

// add stores the image's parts, those first that nothing names yet, and then the names.
func (s *Store) add(ctx context.Context, img v1.Image, full []string) (Image, error) {
	release, err := s.lockContent(shared)
	if err != nil {
		return Image{}, err
	}
	defer release()
	manifest, config, err := parts(img)
	if err != nil {
		return Image{}, fmt.Errorf("read image: %w", err)
	}
	index, err := s.names()
	if err != nil {
		return Image{}, err
	}
	id := manifest.Config.Digest.String()
	about, ok := index[id]
	if ok {
		_, _, err = s.onDisk(about)
	}
	if !ok || err != nil {
		if about, err = s.addParts(ctx, img, manifest, config.RootFS.DiffIDs); err != nil {
			return Image{}, err
		}
	}
	err = s.changeNames(func(index names) {
		for _, name := range append(full, id) {
			index[name] = about
		}
	})
	if err != nil {
		return Image{}, fmt.Errorf("name image %s: %w", id, err)
	}
	return s.Get(id)
}

// addParts stores everything that an image is made of, and returns what the index says of its manifest.
func (s *Store) addParts(ctx context.Context, img v1.Image, manifest *v1.Manifest, diffIDs []v1.Hash) (v1.Descriptor, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	allowed := newBudget(imageLimits, nil, s.room)
	for i, layer := range manifest.Layers {
		group.Go(func() error { return s.addLayer(ctx, img, layer.Digest, diffIDs[i], allowed) })
	}
	if err := group.Wait(); err != nil {
		return v1.Descriptor{}, err
	}
	return s.addDescription(img, manifest)
}

// Get returns the image of a name (short or full), a digest, an ID, or the beginning of one that no other image has. The error is ErrNotFound or ErrInvalidName when that is the reason.
func (s *Store) Get(ref string) (Image, error) {
	name, err := Normalize(ref)
	if err != nil {
		return Image{}, err
	}
	index, err := s.names()
	if err != nil {
		return Image{}, err
	}
	about, ok := index[name]
	if !ok {
		about, ok = index.beginningWith(ref)
	}
	if !ok {
		return Image{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	image, err := s.read(about, index)
	if err != nil {
		return Image{}, broken(about, err)
	}
	return image, nil
}

// List returns all images, ordered by their names.
func (s *Store) List() ([]Image, error) {
	index, err := s.names()
	if err != nil {
		return nil, err
	}
	var images []Image
	for name, about := range index {
		if !idPattern.MatchString(name) {
			continue
		}
		image, err := s.read(about, index)
		if err != nil {
			_ = broken(about, err) // the others are there
			continue
		}
		images = append(images, image)
	}
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.ID, b.ID))
	})
	return images, nil
}

// Remove takes the name ref away. The image itself goes when that was its last tag, or when ref is its ID or its digest, and with it all content that no
// other image needs: it is up to the caller (the runtime knows) that no container has it as its root filesystem. It is no error if there is no such image.
func (s *Store) Remove(ref string) error {
	name, err := Normalize(ref)
	if err != nil {
		return err
	}
	release, err := s.lockContent(shared)
	if err != nil {
		return err
	}
	err = s.changeNames(func(index names) { index.remove(name) })
	release()
	if err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	return s.sweep()
}

// Layers returns the directories of the image's unpacked layers, lowest first; overlay's lowerdir option wants them highest first.
func (s *Store) Layers(image Image) []string {
	var dirs []string
	for _, diffID := range stack(image.DiffIDs) {
		dirs = append(dirs, s.layerDir(diffID))
	}
	return dirs
}

// layerDir is where the layer with a diff id ("sha256:…") is unpacked.
func (s *Store) layerDir(diffID string) string {
	return filepath.Join(s.dir, "layers", diffID[len("sha256:"):])
}
