//go:build linux

package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// platform picks one image from those of a name that has them for several machines.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// Pull fetches the image ref from its registry, as far as its content is not in the store, and returns it. The zero value of auth, the credentials, is nobody
// in particular. Registries on loopback and in private address ranges (RFC 1918) may speak plain HTTP. Callers that want the same image with the same
// credentials at the same time share one pull.
func (s *Store) Pull(ctx context.Context, ref string, auth authn.AuthConfig) (Image, error) {
	full, err := Normalize(ref)
	if err != nil {
		return Image{}, err
	}
	key := fmt.Sprintf("%s %+v", full, auth)
	for {
		done := s.pulls.DoChan(key, func() (any, error) { return s.pull(ctx, full, auth) })
		select {
		case <-ctx.Done():
			return Image{}, fmt.Errorf("pull %s: %w", full, ctx.Err())
		case result := <-done:
			canceled := errors.Is(result.Err, context.Canceled) || errors.Is(result.Err, context.DeadlineExceeded)
			if canceled && result.Shared && ctx.Err() == nil {
				continue // the caller that we shared with gave up; we do not
			}
			if result.Err != nil {
				return Image{}, fmt.Errorf("pull %s: %w", full, result.Err)
			}
			return result.Val.(Image), nil
		}
	}
}

func (s *Store) pull(ctx context.Context, full string, auth authn.AuthConfig) (Image, error) {
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // what was asked for has the size that is told of it
	defer transport.CloseIdleConnections()
	ref, err := name.ParseReference(full)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrInvalidName, err)
	}
	found, err := remote.Get(ref,
		remote.WithContext(ctx),
		remote.WithTransport(described{transport}),
		remote.WithAuth(authn.FromConfig(auth)),
		remote.WithPlatform(platform))
	if err != nil {
		return Image{}, err
	}
	img, err := found.Image()
	if err != nil {
		return Image{}, fmt.Errorf("find the image for %s: %w", platform, err)
	}
	return s.add(ctx, img, []string{full, fullName(ref.Context().Digest(found.Digest.String()))})
}
