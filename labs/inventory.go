package labs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Inventory looks at all that is in a cluster.
type Inventory struct {
	discovery discovery.DiscoveryInterface
	objects   dynamic.Interface
	down      func() []string // components that do not run
}

// NewInventory looks at a cluster through its API. down lists what runs not that should; nil: nobody can say.
func NewInventory(config *rest.Config, down func() []string) (*Inventory, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	resources, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfig(config)
	if down == nil {
		down = func() []string { return nil }
	}
	return &Inventory{resources, objects, down}, err
}

// passing are kinds whose objects come and go by themselves.
var passing = []string{"events", "leases"}

// Objects names every object of the cluster, as pods/default/web. What is kept of the labs' progress is not among them.
func (i *Inventory) Objects(ctx context.Context) ([]string, error) {
	lists, err := i.discovery.ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || slices.Contains(passing, resource.Name) {
				continue
			}
			objects, err := i.objects.Resource(group.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", resource.Name, err)
			}
			for _, object := range objects.Items {
				if object.GetNamespace() == progressNamespace || resource.Name == "namespaces" && object.GetName() == progressNamespace {
					continue
				}
				names = append(names, path.Join(resource.Name, object.GetNamespace(), object.GetName()))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// ofPeople are those objects of the namespace default that are not the cluster's own.
func ofPeople(names []string) (people []string) {
	for _, name := range names {
		resource, rest, _ := strings.Cut(name, "/")
		own := resource == "serviceaccounts" || rest == "default/kubernetes" || rest == "default/kube-root-ca.crt" ||
			resource == "endpointslices" && strings.HasPrefix(rest, "default/kubernetes-")
		if strings.HasPrefix(rest, "default/") && !own {
			people = append(people, name)
		}
	}
	return people
}

// some names the first few.
func some(names []string) string {
	const few = 6
	text := strings.Join(names[:min(few, len(names))], ", ")
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Ailing says what is not as it should be: nodes that are not Ready or are closed, components that do not run.
func (i *Inventory) Ailing(ctx context.Context) ([]string, error) {
	nodes, err := i.objects.Resource(corev1.SchemeGroupVersion.WithResource("nodes")).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var ailing []string
	for _, node := range nodes.Items {
		if !nodeReady(node) {
			ailing = append(ailing, node.GetName()+" is not Ready")
		}
		if closed, _, _ := unstructured.NestedBool(node.Object, "spec", "unschedulable"); closed { // not there: it is open
			ailing = append(ailing, node.GetName()+" is closed to new pods")
		}
	}
	for _, component := range i.down() {
		ailing = append(ailing, component+" does not run")
	}
	return ailing, nil
}

func nodeReady(node unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(node.Object, "status", "conditions") // none: it is not ready
	return slices.ContainsFunc(conditions, func(c any) bool {
		condition, ok := c.(map[string]any)
		return ok && condition["type"] == string(corev1.NodeReady) && condition["status"] == string(corev1.ConditionTrue)
	})
}
