//go:build linux

package images

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// PullOptions say how to talk to a registry.
type PullOptions struct {
	// Auth are the credentials; the zero value is nobody in particular.
	Auth authn.AuthConfig
	// Insecure allows plain HTTP and certificates that nobody vouches for. Registries on loopback and in private address ranges (RFC 1918) may
	// always speak plain HTTP.
	Insecure bool
}

// platform picks one image from those of a name that has them for several machines.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// Pull fetches the image ref from its registry, as far as its content is not in the store, and returns it. Callers that want the same image with the same
// credentials at the same time share one pull.
func (s *Store) Pull(ctx context.Context, ref string, options PullOptions) (Image, error) {
	full, err := Normalize(ref)
	if err != nil {
		return Image{}, err
	}
	key := fmt.Sprintf("%s %+v", full, options)
	for {
		done := s.pulls.DoChan(key, func() (any, error) { return s.pull(ctx, full, options) })
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

func (s *Store) pull(ctx context.Context, full string, options PullOptions) (Image, error) {
	var nameOptions []name.Option
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	if options.Insecure {
		nameOptions = append(nameOptions, name.Insecure)
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	ref, err := name.ParseReference(full, nameOptions...)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrInvalidName, err)
	}
	found, err := remote.Get(ref,
		remote.WithContext(ctx),
		remote.WithTransport(transport),
		remote.WithAuth(authn.FromConfig(options.Auth)),
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
