package subresources

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

func log(object api.Object, query url.Values, find api.Lookup) (api.Target, error) {
	return connect(object.(*corev1.Pod), "containerLogs", query, &corev1.PodLogOptions{}, find)
}

func exec(object api.Object, query url.Values, find api.Lookup) (api.Target, error) {
	return connect(object.(*corev1.Pod), "exec", query, &corev1.PodExecOptions{}, find)
}

func attach(object api.Object, query url.Values, find api.Lookup) (api.Target, error) {
	return connect(object.(*corev1.Pod), "attach", query, &corev1.PodAttachOptions{}, find)
}

func forwardPorts(object api.Object, query url.Values, find api.Lookup) (api.Target, error) {
	return connect(object.(*corev1.Pod), "portForward", query, &corev1.PodPortForwardOptions{}, find)
}

// connect leads to what the kubelet of a pod's node answers at a path: of the whole pod for portForward, else of one container.
func connect(pod *corev1.Pod, path string, query url.Values, options any, find api.Lookup) (api.Target, error) {
	query, err := readOptions(pod.Name, query, options)
	if err != nil {
		return api.Target{}, err
	}
	if pod.Spec.NodeName == "" {
		return api.Target{}, apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", pod.Name))
	}
	node, ok := find("nodes", "", pod.Spec.NodeName).(*corev1.Node)
	if !ok {
		return api.Target{}, apierrors.NewNotFound(corev1.Resource("nodes"), pod.Spec.NodeName)
	}
	to := api.Target{Name: node.Name, Role: "the kubelet of node", Session: path != "containerLogs"}
	if to.Address, err = PlanKubelet(node); err != nil {
		return api.Target{}, to.Unreachable(err)
	}
	to.Path = fmt.Sprintf("/%s/%s/%s", path, pod.Namespace, pod.Name)
	if path != "portForward" {
		container, err := containerOf(pod, query.Get("container"))
		if err != nil {
			return api.Target{}, err
		}
		to.Path += "/" + container
		query.Del("container")
	}
	to.Query = query
	return to, nil
}

// containerOf is the container that a request means: a pod with only one need not be asked which.
func containerOf(pod *corev1.Pod, asked string) (string, error) {
	var names, mains, inits []string
	for _, c := range podspec.Members(&pod.Spec) {
		names = append(names, c.Name)
		switch c.Role {
		case podspec.Main:
			mains = append(mains, c.Name)
		case podspec.Init, podspec.Sidecar:
			inits = append(inits, c.Name)
		}
	}
	byDefault := pod.Annotations["kubectl.kubernetes.io/default-container"]
	switch {
	case asked != "" && !slices.Contains(names, asked):
		return "", apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", asked, pod.Name))
	case asked != "":
		return asked, nil
	case len(names) == 1:
		return names[0], nil
	case slices.Contains(names, byDefault): // an annotation may say anything
		return byDefault, nil
	}
	choice := fmt.Sprintf("choose one of: [%s]", strings.Join(mains, " "))
	if len(inits) > 0 {
		choice += fmt.Sprintf(" or one of the init containers: [%s]", strings.Join(inits, " "))
	}
	return "", apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, %s", pod.Name, choice))
}
