package services

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// endpoints keeps the slices of every service that has a selector.
type endpoints struct {
	client   *operator.Client
	services corelisters.ServiceLister
	pods     corelisters.PodLister
	nodes    corelisters.NodeLister
	loop     *operator.Loop
	slices   *operator.Owned[*discoveryv1.EndpointSlice]
}

// New makes the loop that writes endpoint slices. The caller runs client.Sync, then the loop.
func New(client *operator.Client) (*operator.Loop, error) {
	watches := client.Watches.Core().V1()
	watch := client.Watches.Discovery().V1().EndpointSlices().Informer()
	owned, err := operator.NewOwned[*discoveryv1.EndpointSlice](watch)
	if err != nil {
		return nil, fmt.Errorf("index endpoint slices by owner: %w", err)
	}
	e := &endpoints{client: client, services: watches.Services().Lister(), pods: watches.Pods().Lister(), nodes: watches.Nodes().Lister(), slices: owned}
	e.loop = operator.NewLoop(Loops[0], 4, client, e.reconcile)
	loop := e.loop
	if err := operator.Follow(loop, watches.Services().Informer(), operator.Self[*corev1.Service]); err != nil {
		return nil, err
	}
	if err := operator.Follow(loop, watch, serviceOf); err != nil {
		return nil, err
	}
	return loop, operator.Follow(loop, watches.Pods().Informer(), e.servicesOf)
}

// servicesOf are the services that select a pod.
func (e *endpoints) servicesOf(pod *corev1.Pod) []operator.Key {
	all, _ := e.services.Services(pod.Namespace).List(labels.Everything()) // a cache does not fail
	var keys []operator.Key
	for _, service := range all {
		if selects(service, pod) {
			keys = append(keys, operator.Self(service)...)
		}
	}
	return keys
}

// selects says whether a pod is behind a service. A service without a selector has its slices from somebody else.
func selects(service *corev1.Service, pod *corev1.Pod) bool {
	return hasSelector(service) && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels))
}

func hasSelector(service *corev1.Service) bool {
	return len(service.Spec.Selector) > 0 && service.Spec.Type != corev1.ServiceTypeExternalName
}

func (e *endpoints) reconcile(ctx context.Context, key operator.Key) error {
	service, err := e.services.Services(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) || err == nil && (service.DeletionTimestamp != nil || !hasSelector(service)) {
		return nil // the slices of a service that is gone go with it: it owns them
	}
	if err != nil {
		return err
	}
	pods, err := e.pods.Pods(key.Namespace).List(labels.SelectorFromSet(service.Spec.Selector))
	if err != nil {
		return err
	}
	pods = e.believed(ctx, key, pods)
	existing, err := e.slices.By(service)
	if err != nil {
		return err
	}
	var failures []error
	for _, action := range PlanEndpoints(service, pods, existing) {
		if err := e.act(because(ctx, action, pods), action); err != nil {
			failures = append(failures, fmt.Errorf("%s endpoint slice %s of service %s: %w", action.Verb, action.Slice.Name, key, err))
		}
	}
	return errors.Join(failures...)
}

// again is when the addresses of pods are looked at again that were not their node's: a node may have become known meanwhile.
const again = 5 * time.Second

// believed leaves out the pods whose address is not to be believed, and tells of them.
func (e *endpoints) believed(ctx context.Context, key operator.Key, pods []*corev1.Pod) []*corev1.Pod {
	nodes := map[string]*corev1.Node{}
	for _, pod := range pods {
		if node, err := e.nodes.Get(pod.Spec.NodeName); err == nil {
			nodes[node.Name] = node
		}
	}
	pods, doubted := believable(pods, nodes)
	for _, pod := range doubted {
		e.client.Event(ctx, pod, corev1.EventTypeWarning, "AddressNotOfItsNode", "%s is no address that node %s has for it: service %s does not lead there",
			pod.Status.PodIP, pod.Spec.NodeName, key.Name)
	}
	if len(doubted) > 0 {
		e.loop.After(key, again, "time to look again at the addresses of pods")
	}
	return pods
}

// because names the writes of the pods on account of which an action is taken. This turn may have seen a write already
// that will only be announced to the next one, which will then find nothing to do.
func because(ctx context.Context, action EndpointAction, pods []*corev1.Pod) context.Context {
	causes := trace.Causes(ctx)
	for _, pod := range pods {
		if slices.Contains(action.Pods, pod.Name) {
			causes = append(causes, trace.Wrote(pod.ResourceVersion))
		}
	}
	ctx = trace.WithCauses(ctx, causes...)
	if action.Verb == DeleteSlice {
		return trace.Because(ctx, "no endpoint is left in it")
	}
	return trace.Because(ctx, "%s: now %s", shortList(action.Pods), count(action.Slice))
}

func (e *endpoints) act(ctx context.Context, action EndpointAction) error {
	slice := action.Slice
	api := e.client.DiscoveryV1().EndpointSlices(slice.Namespace)
	switch action.Verb {
	case CreateSlice:
		created, err := api.Create(ctx, slice, metav1.CreateOptions{})
		if err == nil {
			e.slices.Created(created)
		}
		return err
	case UpdateSlice:
		_, err := api.Update(ctx, slice, metav1.UpdateOptions{})
		return err
	default:
		err := api.Delete(ctx, slice.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(slice.UID))})
		if err == nil || apierrors.IsNotFound(err) {
			e.slices.Deleted(slice)
			return nil
		}
		return err
	}
}

// shortList names a few pods and counts the others.
func shortList(pods []string) string {
	switch n := len(pods); {
	case n == 0:
		return "no pod changed"
	case n > 3:
		return fmt.Sprintf("%s and %d more", strings.Join(pods[:3], ", "), n-3)
	}
	return strings.Join(pods, ", ")
}

// count says how many endpoints a slice has, and how many of them are ready: "3 endpoints, 2 ready".
func count(slice *discoveryv1.EndpointSlice) string {
	ready := 0
	for _, endpoint := range slice.Endpoints {
		if ptr.Deref(endpoint.Conditions.Ready, true) {
			ready++
		}
	}
	return fmt.Sprintf("%d endpoints, %d ready", len(slice.Endpoints), ready)
}
