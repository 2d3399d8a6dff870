package subresources

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/diff"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// addEphemeral puts the ephemeral containers of wanted into a pod, and nothing else of it. There can only be more of them: what was started cannot
// be undone.
func addEphemeral(object, wanted api.Object) error {
	pod := object.(*corev1.Pod)
	before := pod.Spec.EphemeralContainers
	pod.Spec.EphemeralContainers = wanted.(*corev1.Pod).Spec.EphemeralContainers
	podspec.Default(&pod.Spec)
	path := field.NewPath("spec")
	problems := podspec.Validate(&pod.Spec, path)
	problems = append(problems, changedEphemeral(pod.Spec.EphemeralContainers, before, path.Child("ephemeralContainers"))...)
	if len(problems) > 0 {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Pod").GroupKind(), pod.Name, problems)
	}
	if len(pod.Spec.EphemeralContainers) > len(before) {
		pod.Generation++
	}
	return nil
}

func changedEphemeral(now, before []corev1.EphemeralContainer, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, old := range before {
		i := slices.IndexFunc(now, func(c corev1.EphemeralContainer) bool { return c.Name == old.Name })
		switch {
		case i < 0:
			errs = append(errs, field.Forbidden(path, fmt.Sprintf("existing ephemeral containers %q may not be removed\n", old.Name)))
		case !equality.Semantic.DeepEqual(now[i], old):
			errs = append(errs, field.Forbidden(path, fmt.Sprintf("existing ephemeral containers %q may not be changed\n%s", old.Name, diff.Diff(old, now[i]))))
		}
	}
	return errs
}
