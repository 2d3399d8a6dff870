//go:build linux

// Package imageservice is CRI's second service, a thin cover over the node's image store.
package imageservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/images"
	"kubelab/kube/runtime/spec"
	"kubelab/kube/runtime/steps"
)

// Service answers for one store of images.
type Service struct {
	cri.UnimplementedImageServiceServer
	Store *images.Store
	Dir   string // where the store keeps its files
	Pods  string // where containers keep theirs
	// User says which container has an image, by its ID, as its root file system: for people, and empty if none has.
	User func(image string) string
	// Use is held for reading while a container is made from an image: none is removed meanwhile.
	Use sync.RWMutex
}

// ListImages lists all images, or the one that the filter names.
func (s *Service) ListImages(_ context.Context, request *cri.ListImagesRequest) (*cri.ListImagesResponse, error) {
	response := &cri.ListImagesResponse{}
	if name := request.GetFilter().GetImage().GetImage(); name != "" {
		image, err := s.Store.Get(name)
		if errors.Is(err, images.ErrNotFound) {
			return response, nil
		} else if err != nil {
			return nil, err
		}
		response.Images = append(response.Images, criImage(image))
		return response, nil
	}
	all, err := s.Store.List()
	for _, image := range all {
		response.Images = append(response.Images, criImage(image))
	}
	return response, err
}

// ImageStatus describes an image. One that is not there is no error, but an empty answer.
func (s *Service) ImageStatus(_ context.Context, request *cri.ImageStatusRequest) (*cri.ImageStatusResponse, error) {
	image, err := s.Store.Get(request.GetImage().GetImage())
	if errors.Is(err, images.ErrNotFound) {
		return &cri.ImageStatusResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	response := &cri.ImageStatusResponse{Image: criImage(image)}
	if request.GetVerbose() {
		about, err := json.Marshal(map[string]any{"config": image.Config, "layers": s.Store.Layers(image)})
		if err != nil {
			return nil, err
		}
		response.Info = map[string]string{"info": string(about)}
	}
	return response, nil
}

// PullImage fetches an image from its registry.
func (s *Service) PullImage(ctx context.Context, request *cri.PullImageRequest) (*cri.PullImageResponse, error) {
	steps.About(ctx, request.GetSandboxConfig().GetMetadata())
	if handler := request.GetImage().GetRuntimeHandler(); handler != "" {
		return nil, status.Errorf(codes.InvalidArgument, "image.runtime_handler: %s", spec.RefusedOfContainer["image.runtime_handler"])
	}
	auth, err := credentials(request)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	image, err := s.Store.Pull(ctx, request.GetImage().GetImage(), authn.AuthConfig{
		Username: auth.GetUsername(), Password: auth.GetPassword(), Auth: auth.GetAuth(),
		IdentityToken: auth.GetIdentityToken(), RegistryToken: auth.GetRegistryToken(),
	})
	if err != nil {
		return nil, err
	}
	steps.Note(ctx, "pull image", "%s, %d bytes in %d layers, in %v", request.GetImage().GetImage(), image.Size, len(image.DiffIDs), time.Since(start).Round(time.Millisecond))
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
func (s *Service) RemoveImage(_ context.Context, request *cri.RemoveImageRequest) (*cri.RemoveImageResponse, error) {
	s.Use.Lock() // no container is being made
	defer s.Use.Unlock()
	image, err := s.Store.Get(request.GetImage().GetImage())
	if errors.Is(err, images.ErrNotFound) {
		return &cri.RemoveImageResponse{}, s.Store.Remove(request.Image.Image) // it may be one that cannot be read
	} else if err != nil {
		return nil, err
	}
	if user := s.User(image.ID); user != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "image %s is the root file system of container %s: remove that first", image.Name(), user)
	}
	if err := s.Store.Remove(image.ID); err != nil {
		return nil, fmt.Errorf("remove image %s: %w", image.Name(), err)
	}
	return &cri.RemoveImageResponse{}, nil
}

// ImageFsInfo says what images take up, and what containers have written.
func (s *Service) ImageFsInfo(context.Context, *cri.ImageFsInfoRequest) (*cri.ImageFsInfoResponse, error) {
	store, err := s.Store.Usage()
	if err != nil {
		return nil, fmt.Errorf("measure the image store: %w", err)
	}
	written, err := images.DiskUsage(s.Pods)
	if err != nil {
		return nil, fmt.Errorf("measure what containers have written: %w", err)
	}
	return &cri.ImageFsInfoResponse{
		ImageFilesystems:     []*cri.FilesystemUsage{filesystem(s.Dir, store)},
		ContainerFilesystems: []*cri.FilesystemUsage{filesystem(s.Pods, written)},
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
