package cri

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/api/podspec"
)

// Sources are what an environment may be drawn from.
type Sources struct {
	Data     map[podspec.Object]map[string]string // what ConfigMaps and Secrets of the pod's namespace hold, nothing where there is no such object
	Services []*corev1.Service                    // of which the container is told; of two with one name the later counts
	IPs      []string                             // of the pod
	Node     Node
}

// kinds are those of the objects that an environment is drawn from, as a message names them.
var kinds = map[string]string{podspec.ConfigMaps: "ConfigMap", podspec.Secrets: "Secret"}

// environmentOf makes a container's environment: first what the cluster says, then envFrom, then env, where the
// later wins. An error names what is missing, in the words of upstream.
func environmentOf(pod *corev1.Pod, c *corev1.Container, from Sources) (*environment, error) {
	env := newEnvironment()
	env.setServices(from.Services)
	if env.budget.spent() {
		return nil, fmt.Errorf("the environment has more than %d bytes with the addresses of %d services: with enableServiceLinks: false it has none of them",
			maxProcess, len(from.Services))
	}
	for _, source := range c.EnvFrom {
		if err := env.setAll(source, from); err != nil {
			return nil, err
		}
	}
	for _, v := range c.Env {
		if v.ValueFrom == nil {
			left := env.budget
			value := env.expand(v.Value, &left)
			if left.spent() {
				return nil, errTooLarge
			}
			env.set(v.Name, value)
			continue
		}
		value, found, err := valueFrom(pod, c, v.ValueFrom, from)
		if err != nil {
			return nil, err
		}
		if found {
			env.set(v.Name, value)
		}
	}
	if env.budget.spent() {
		return nil, errTooLarge
	}
	return env, nil
}

var errTooLarge = fmt.Errorf("the environment has more than %d bytes: the kernel takes no more", maxProcess)

// setAll adds every key of a ConfigMap or Secret as a variable.
func (e *environment) setAll(source corev1.EnvFromSource, sources Sources) error {
	var from podspec.Object
	var optional *bool
	if ref := source.ConfigMapRef; ref != nil {
		from, optional = podspec.Object{Resource: podspec.ConfigMaps, Name: ref.Name}, ref.Optional
	} else if ref := source.SecretRef; ref != nil {
		from, optional = podspec.Object{Resource: podspec.Secrets, Name: ref.Name}, ref.Optional
	}
	values := sources.Data[from]
	if values == nil && !ptr.Deref(optional, false) {
		return missing(from)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		e.set(source.Prefix+key, values[key])
	}
	return nil
}

// valueFrom is the value of one variable. It is not found if it is optional and not there.
func valueFrom(pod *corev1.Pod, c *corev1.Container, source *corev1.EnvVarSource, from Sources) (string, bool, error) {
	switch {
	case source.FieldRef != nil:
		value, err := podField(pod, source.FieldRef.FieldPath, from)
		return value, true, err
	case source.ResourceFieldRef != nil:
		value, err := podspec.ResourceField(pod, c, source.ResourceFieldRef, from.Node.Capacity())
		return value, true, err
	case source.ConfigMapKeyRef != nil:
		ref := source.ConfigMapKeyRef
		return pick(from, podspec.Object{Resource: podspec.ConfigMaps, Name: ref.Name}, pod.Namespace, ref.Key, ref.Optional)
	case source.SecretKeyRef != nil:
		ref := source.SecretKeyRef
		return pick(from, podspec.Object{Resource: podspec.Secrets, Name: ref.Name}, pod.Namespace, ref.Key, ref.Optional)
	}
	return "", false, nil
}

// pick takes one key out of an object.
func pick(sources Sources, from podspec.Object, namespace, key string, optional *bool) (string, bool, error) {
	data := sources.Data[from]
	value, found := data[key]
	switch {
	case found || ptr.Deref(optional, false):
		return value, found, nil
	case data == nil:
		return "", false, missing(from)
	}
	return "", false, fmt.Errorf("couldn't find key %s in %s %s/%s", key, kinds[from.Resource], namespace, from.Name)
}

func missing(object podspec.Object) error {
	return fmt.Errorf("%s %q not found", strings.ToLower(kinds[object.Resource]), object.Name)
}

// podField is a field of the pod itself (the "downward API").
func podField(pod *corev1.Pod, path string, from Sources) (string, error) {
	if value, found := podspec.MetadataField(pod, path); found {
		return value, nil
	}
	ips := from.IPs
	if pod.Spec.HostNetwork {
		ips = []string{from.Node.IP}
	}
	switch path {
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	case "status.hostIP", "status.hostIPs":
		return from.Node.IP, nil
	case "status.podIPs":
		return strings.Join(ips, ","), nil
	case "status.podIP":
		return strings.Join(ips[:min(len(ips), 1)], ""), nil
	}
	return "", fmt.Errorf("unsupported fieldPath: %s", path)
}
