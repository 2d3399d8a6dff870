//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/images"
)

// CRI's second service is a thin cover over the node's image store.

// ListImages lists all images, or the one that the filter names.
func (r *Runtime) ListImages(_ context.Context, request *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	response := &cri.ListImagesResponse{}
	if name := request.GetFilter().GetImage().GetImage(); name != "" {
		image, err := r.images.Get(name)
		if errors.Is(err, images.ErrNotFound) {
			return response, nil
		} else if err != nil {
			return nil, err
		}
		response.Images = append(response.Images, criImage(image))
		return response, nil
	}
	all, err := r.images.List()
	for _, image := range all {
		response.Images = append(response.Images, criImage(image))
	}
	return response, err
}

// ImageStatus describes an image. One that is not there is no error, but an empty answer.
func (r *Runtime) ImageStatus(_ context.Context, request *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	image, err := r.images.Get(request.GetImage().GetImage())
	if errors.Is(err, images.ErrNotFound) {
		return &cri.ImageStatusResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	response := &cri.ImageStatusResponse{Image: criImage(image)}
	if request.GetVerbose() {
		response.Info = info(map[string]any{"config": image.Config, "layers": r.images.Layers(image)})
	}
	return response, nil
}

// PullImage fetches an image from its registry.
func (r *Runtime) PullImage(ctx context.Context, request *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	about(ctx, request.GetSandboxConfig().GetMetadata())
	if handler := request.GetImage().GetRuntimeHandler(); handler != "" {
		return nil, status.Errorf(codes.InvalidArgument, "image.runtime_handler: %s", refusedOfContainer["image.runtime_handler"])
	}
	auth, err := credentials(request)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	image, err := r.images.Pull(ctx, request.GetImage().GetImage(), authn.AuthConfig{
		Username: auth.GetUsername(), Password: auth.GetPassword(), Auth: auth.GetAuth(),
		IdentityToken: auth.GetIdentityToken(), RegistryToken: auth.GetRegistryToken(),
	})
	if err != nil {
		return nil, err
	}
	note(ctx, "pull image", "%s, %d bytes in %d layers, in %v", request.GetImage().GetImage(), image.Size, len(image.DiffIDs), time.Since(start).Round(time.Millisecond))
	return &cri.PullImageResponse{ImageRef: image.ID}, nil
}

// credentials are those of the request, but only for the registry that they are for, if it says which.
func credentials(request *cri.PullImageRequest) (*cri.AuthConfig, error) {
	auth := request.GetAuth()
	if auth.GetServerAddress() == "" {
		return auth, nil
	}
	registry, err := images.Registry(request.GetImage().GetImage())
	if err != nil {
		return nil, err
	}
	server := auth.ServerAddress
	if _, rest, found := strings.Cut(server, "://"); found {
		server = rest
	}
	if server, _, _ = strings.Cut(server, "/"); server != registry && !(server == "index.docker.io" && registry == "docker.io") {
		return nil, nil
	}
	return auth, nil
}

// RemoveImage removes an image with all its names, whichever of them is given: so CRI has it. Containers keep theirs.
func (r *Runtime) RemoveImage(_ context.Context, request *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	r.imageUse.Lock() // no container is being made
	defer r.imageUse.Unlock()
	image, err := r.images.Get(request.GetImage().GetImage())
	if errors.Is(err, images.ErrNotFound) {
		return &cri.RemoveImageResponse{}, r.images.Remove(request.Image.Image) // it may be one that cannot be read
	} else if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.containers {
		if c.record.Told.ImageId == image.ID && c.sandbox.ready {
			return nil, status.Errorf(codes.FailedPrecondition, "image %s is the root file system of container %s (%s): remove that first", image.Name(), id, c.name())
		}
	}
	if err := r.images.Remove(image.ID); err != nil {
		return nil, fmt.Errorf("remove image %s: %w", image.Name(), err)
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo says what images take up, and what containers have written.
func (r *Runtime) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	store, err := r.images.Usage()
	if err != nil {
		return nil, fmt.Errorf("measure the image store: %w", err)
	}
	written, err := images.DiskUsage(r.podsDir())
	if err != nil {
		return nil, fmt.Errorf("measure what containers have written: %w", err)
	}
	return &cri.ImageFsInfoResponse{
		ImageFilesystems:     []*cri.FilesystemUsage{filesystem(filepath.Join(r.config.Root, "images"), store)},
		ContainerFilesystems: []*cri.FilesystemUsage{filesystem(r.podsDir(), written)},
	}, nil
}

func filesystem(dir string, usage images.Usage) *cri.FilesystemUsage {
	return &cri.FilesystemUsage{
		Timestamp: time.Now().UnixNano(), FsId: &cri.FilesystemIdentifier{Mountpoint: dir},
		UsedBytes: &cri.UInt64Value{Value: usage.Bytes}, InodesUsed: &cri.UInt64Value{Value: usage.Inodes},
	}
}

// criImage is an image as CRI has it. The kubelet wants to know whether it runs as root (runAsNonRoot): hence the user, as number or name.
func criImage(image images.Image) *cri.Image {
	told := &cri.Image{
		Id: image.ID, RepoTags: image.RepoTags, RepoDigests: image.RepoDigests, Size: uint64(image.Size), Spec: &cri.ImageSpec{Image: image.Name()},
	}
	user, _, _ := strings.Cut(image.Config.User, ":")
	if uid, err := strconv.ParseInt(user, 10, 64); err == nil {
		told.Uid = &cri.Int64Value{Value: uid}
	} else {
		told.Username = user
	}
	return told
}
