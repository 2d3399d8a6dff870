package images

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var (
	// ErrNotFound says that the store has no image of that name.
	ErrNotFound = errors.New("image not found")
	// ErrInvalidName says that a text is no name of an image.
	ErrInvalidName = errors.New("invalid image name")
)

// Image describes an image of a store.
type Image struct {
	// ID is the digest of the image's config, "sha256:…". It says what the image is, wherever it came from.
	ID string
	// RepoTags are the names with a tag, such as "docker.io/library/busybox:latest". None: another image has taken the name over.
	RepoTags []string
	// RepoDigests are the names by which a registry gave exactly this image, such as "docker.io/library/busybox@sha256:…". None: it
	// was not pulled.
	RepoDigests []string
	// Size of config and layers in bytes, as a registry would send them.
	Size int64
	// Created is when the image was built; the zero time if it does not say.
	Created time.Time
	// Config says what to run: Env ("NAME=value"), Entrypoint, Cmd, WorkingDir, User, ExposedPorts ("80/tcp"), StopSignal, Labels, …
	Config v1.Config
	// DiffIDs are the digests of the unpacked layers, lowest first.
	DiffIDs []string
}

// Name is the image's name for people: the first of its names.
func (i Image) Name() string { return i.Names()[0] }

// Names are the image's names for people: its tags, else its digests, else its ID. There is always one.
func (i Image) Names() []string {
	for _, names := range [][]string{i.RepoTags, i.RepoDigests} {
		if len(names) > 0 {
			return names
		}
	}
	return []string{i.ID}
}

var idPattern = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}$`)

// Normalize returns the full name that a short one stands for, by Docker's rules: "busybox" is "docker.io/library/busybox:latest". A digest
// after a tag makes the tag void. An ID stays as it is. The error is ErrInvalidName.
func Normalize(ref string) (string, error) {
	if idPattern.MatchString(ref) {
		return "sha256:" + strings.TrimPrefix(ref, "sha256:"), nil
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("%w %q: %w", ErrInvalidName, ref, err)
	}
	return fullName(parsed), nil
}

// Registry is the server of an image's name, and its port if it has one: "docker.io" for a short name.
func Registry(ref string) (string, error) {
	full, err := Normalize(ref)
	if err != nil {
		return "", err
	}
	server, _, _ := strings.Cut(full, "/")
	return server, nil
}

// fullName writes a reference as Docker does: the library that we use calls docker.io by the name of its server, index.docker.io.
func fullName(ref name.Reference) string {
	text := ref.Name()
	if ref.Context().RegistryStr() == name.DefaultRegistry {
		text = strings.Replace(text, name.DefaultRegistry, "docker.io", 1)
	}
	return text
}

// isTag says whether a full name ends in a tag rather than a digest.
func isTag(fullName string) bool { return !strings.Contains(fullName, "sha256:") }
