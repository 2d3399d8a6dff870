package volumes

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
)

// Mount is where a container sees a volume, or a part of one.
type Mount struct {
	Volume            string
	Index             int    // among those of its container
	SubPath           string // what it sees of the volume; empty: all
	Target            string // in the container, absolute
	ReadOnly          bool
	RecursiveReadOnly bool // also what is mounted below it
	Propagation       corev1.MountPropagationMode
}

// Mounts are those of a container; subPaths say of each what it shows of its volume. What the kubelet fills nobody else may write.
func Mounts(spec *corev1.PodSpec, c *corev1.Container, subPaths []string) ([]Mount, error) {
	var all []Mount
	for i := range c.VolumeMounts {
		m := &c.VolumeMounts[i]
		sub := subPaths[i]
		switch {
		case path.IsAbs(sub):
			return nil, fmt.Errorf("error SubPath %q must not be an absolute path", sub)
		case slices.Contains(strings.Split(sub, "/"), ".."):
			return nil, fmt.Errorf("unable to provision SubPath %q: must not contain '..'", sub)
		}
		all = append(all, Mount{
			Volume: m.Name, Index: i, SubPath: sub, Target: path.Join("/", m.MountPath),
			ReadOnly:          m.ReadOnly || filled(spec, m.Name),
			RecursiveReadOnly: ptr.Deref(m.RecursiveReadOnly, corev1.RecursiveReadOnlyDisabled) != corev1.RecursiveReadOnlyDisabled,
			Propagation:       ptr.Deref(m.MountPropagation, corev1.MountPropagationNone),
		})
	}
	return all, nil
}

// filled is whether the kubelet keeps what is in a volume.
func filled(spec *corev1.PodSpec, volume string) bool {
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool {
		return v.Name == volume && (v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil || v.Projected != nil)
	})
}

// shared is whether a container wants to see what is mounted below a volume later.
func shared(spec *corev1.PodSpec, volume string) bool {
	return slices.ContainsFunc(podspec.Members(spec), func(c podspec.Member) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.Name == volume && ptr.Deref(m.MountPropagation, corev1.MountPropagationNone) != corev1.MountPropagationNone
		})
	})
}
