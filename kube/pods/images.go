//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/pullsecrets"
)

// pullImage makes sure that a container's image is there, as its pull policy says.
func (o *Operator) pullImage(ctx context.Context, w work, a PullImage) (Image, error) {
	if missing := w.have.Pull.Missing; len(missing) > 0 {
		o.event(ctx, w, "", corev1.EventTypeWarning, "FailedToRetrieveImagePullSecret",
			"Unable to retrieve some image pull secrets (%s); attempting to pull the image may not succeed.", strings.Join(missing, ", "))
	}
	spec := &runtimeapi.ImageSpec{Image: a.Image, UserSpecifiedImage: a.Image}
	found, err := o.runtime.Images.ImageStatus(ctx, &runtimeapi.ImageStatusRequest{Image: spec})
	if err != nil {
		return Image{}, &problem{"ImageInspectError", fmt.Sprintf("Failed to inspect image %q: %s", a.Image, message(err))}
	}
	image := found.GetImage()
	switch a.supply(image != nil) {
	case refuseImage:
		text := fmt.Sprintf("Container image %q is not present with pull policy of Never", a.Image)
		o.event(ctx, w, a.Container, corev1.EventTypeWarning, ErrImageNeverPull, "%s", text)
		return Image{}, &problem{ErrImageNeverPull, text}
	case fetchImage:
		if image, err = o.pull(ctx, w, a, spec); err != nil {
			return Image{}, err
		}
	default:
		o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", a.Image)
	}
	usable := Image{Ref: image.Id, Attempt: a.Attempt, ImageUser: cri.ImageUser{User: image.Username}}
	if image.Uid != nil {
		usable.UID = &image.Uid.Value
	}
	return usable, nil
}

func (o *Operator) pull(ctx context.Context, w work, a PullImage, spec *runtimeapi.ImageSpec) (*runtimeapi.Image, error) {
	o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Pulling", "Pulling image %q", a.Image)
	began := time.Now()
	pulled, err := o.pullAs(ctx, w, spec)
	if err != nil {
		if ctx.Err() == nil {
			o.event(ctx, w, a.Container, corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %s", a.Image, message(err))
		}
		return nil, &problem{ErrImagePull, message(err)}
	}
	found, err := o.runtime.Images.ImageStatus(ctx, &runtimeapi.ImageStatusRequest{Image: &runtimeapi.ImageSpec{Image: pulled.ImageRef}})
	if err != nil || found.GetImage() == nil {
		return nil, &problem{ErrImagePull, fmt.Sprintf("image %q was pulled as %s and is not there: %v", a.Image, pulled.ImageRef, err)}
	}
	took := time.Since(began).Round(time.Millisecond)
	o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
		a.Image, took, took, found.Image.Size)
	return found.Image, nil
}

// pullAs pulls an image with each of the pod's credentials that fit it, until one will do; and as nobody in particular if there are none.
func (o *Operator) pullAs(ctx context.Context, w work, spec *runtimeapi.ImageSpec) (*runtimeapi.PullImageResponse, error) {
	credentials, err := pullsecrets.Plan(spec.Image, w.have.Pull.Found)
	if err != nil {
		return nil, err
	}
	if len(credentials) == 0 {
		credentials = []*runtimeapi.AuthConfig{nil}
	}
	var failed []error
	for _, auth := range credentials {
		pulled, err := o.runtime.Images.PullImage(ctx, &runtimeapi.PullImageRequest{Image: spec, Auth: auth, SandboxConfig: cri.SandboxConfig(w.pod, 0, o.node)})
		if err == nil || ctx.Err() != nil {
			return pulled, err
		}
		failed = append(failed, errors.New(message(err)))
	}
	return nil, utilerrors.NewAggregate(failed)
}

// gatherPullSecrets puts into have with what the pod's images may be pulled.
func (o *Operator) gatherPullSecrets(key operator.Key, pod *corev1.Pod, have *Current) error {
	for _, ref := range podspec.References(&pod.Spec) {
		if !ref.Pulls || ref.Name == "" {
			continue
		}
		object, seen, err := o.objects.get(key, reference{ref.Resource, key.Namespace, ref.Name})
		if err != nil {
			return err
		}
		secret, there := object.(*corev1.Secret)
		switch {
		case !seen:
			have.Pull.Awaited = true
		case there:
			have.Pull.Found = append(have.Pull.Found, secret)
		default:
			have.Pull.Missing = append(have.Pull.Missing, ref.Name)
		}
	}
	return nil
}

// message is what a person should read of an error that came over gRPC.
func message(err error) string { return status.Convert(err).Message() }
