package scheduler

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-helpers/resource"

	"kubelab/kube/api/podspec"
)

// Cluster is what the scheduler knows: the nodes and the pods on them, summed up. Each change costs no more than what changed.
type Cluster struct {
	nodes      []*Node          // those that are known, by name
	byName     map[string]*Node // and those that only pods have named so far
	pods       map[types.UID]*Pod
	namespaces map[string]*namespace
	repelling  map[types.UID]*Pod // pods with required anti-affinity
}

type namespace struct {
	labels labels.Set
	pods   map[types.UID]*Pod
}

// Node is a node and the sums over its pods.
type Node struct {
	*corev1.Node // nil as long as only its pods are known
	// What every pod is checked against stands here, close together: with thousands of nodes it is memory that takes time.
	name        string
	taints      []corev1.Taint
	cordoned    bool
	allocatable Resources
	maxPods     int
	requested   Resources
	load        Resources // for scores: who asks for nothing counts as something
	pods        int
	siblings    map[types.UID]int // pods by controller
	ports       []podspec.HostPort
}

// Pod is a pod and what the rules need of it, worked out once.
type Pod struct {
	*corev1.Pod
	node           *Node
	requests, load Resources
	ports          []podspec.HostPort
	owner          types.UID // its controller; empty: none
	attracts       []term    // required affinity
	repels         []term    // required anti-affinity
}

// Resources are amounts that can be added up.
type Resources struct {
	CPU, Memory int64 // thousandths of a CPU; bytes
	Other       map[corev1.ResourceName]int64
}

// NewCluster makes an empty one.
func NewCluster() *Cluster {
	return &Cluster{
		byName: map[string]*Node{}, pods: map[types.UID]*Pod{}, namespaces: map[string]*namespace{}, repelling: map[types.UID]*Pod{},
	}
}

// SetNode takes in a node that is new or changed. It returns false if nothing that a rule looks at has changed.
func (c *Cluster) SetNode(object *corev1.Node) bool {
	node := c.node(object.Name)
	before := node.Node
	node.Node = object
	if before != nil && before.Spec.Unschedulable == object.Spec.Unschedulable && maps.Equal(before.Labels, object.Labels) &&
		equality.Semantic.DeepEqual(before.Spec.Taints, object.Spec.Taints) &&
		equality.Semantic.DeepEqual(before.Status.Allocatable, object.Status.Allocatable) {
		return false
	}
	node.taints, node.cordoned = object.Spec.Taints, object.Spec.Unschedulable
	node.allocatable = resourcesOf(object.Status.Allocatable)
	node.maxPods = int(object.Status.Allocatable.Pods().Value())
	if at, known := slices.BinarySearchFunc(c.nodes, object.Name, byNodeName); !known {
		c.nodes = slices.Insert(c.nodes, at, node)
	}
	return true
}

// RemoveNode forgets a node. Its pods stay until they are removed.
func (c *Cluster) RemoveNode(name string) {
	if at, known := slices.BinarySearchFunc(c.nodes, name, byNodeName); known {
		c.nodes = slices.Delete(c.nodes, at, at+1)
		c.byName[name].Node = nil
		c.forgetEmpty(name)
	}
}

func byNodeName(n *Node, name string) int { return cmp.Compare(n.name, name) }

func (c *Cluster) node(name string) *Node {
	if c.byName[name] == nil {
		c.byName[name] = &Node{name: name, siblings: map[types.UID]int{}}
	}
	return c.byName[name]
}

func (c *Cluster) forgetEmpty(name string) {
	if node := c.byName[name]; node.Node == nil && node.pods == 0 {
		delete(c.byName, name)
	}
}

// SetNamespace takes in the labels of a namespace.
func (c *Cluster) SetNamespace(name string, set labels.Set) { c.namespace(name).labels = set }

func (c *Cluster) namespace(name string) *namespace {
	if c.namespaces[name] == nil {
		c.namespaces[name] = &namespace{pods: map[types.UID]*Pod{}}
	}
	return c.namespaces[name]
}

func (c *Cluster) podsIn(name string) map[types.UID]*Pod {
	if in := c.namespaces[name]; in != nil {
		return in.pods
	}
	return nil
}

// Has says whether the pod counts on some node already.
func (c *Cluster) Has(uid types.UID) bool { return c.pods[uid] != nil }

// AddPod counts a pod on the node that its spec names, or counts it anew.
func (c *Cluster) AddPod(object *corev1.Pod) {
	c.RemovePod(object.UID)
	pod := newPod(object)
	pod.node = c.node(object.Spec.NodeName)
	c.pods[object.UID] = pod
	c.namespace(object.Namespace).pods[object.UID] = pod
	if len(pod.repels) > 0 {
		c.repelling[object.UID] = pod
	}
	pod.node.count(pod, 1)
	pod.node.ports = append(pod.node.ports, pod.ports...)
}

// RemovePod stops counting a pod, and returns it. It returns nil if the pod did not count anywhere.
func (c *Cluster) RemovePod(uid types.UID) *Pod {
	pod := c.pods[uid]
	if pod == nil {
		return nil
	}
	delete(c.pods, uid)
	delete(c.namespaces[pod.Namespace].pods, uid)
	delete(c.repelling, uid)
	pod.node.count(pod, -1)
	for _, port := range pod.ports {
		if at := slices.Index(pod.node.ports, port); at >= 0 {
			pod.node.ports = slices.Delete(pod.node.ports, at, at+1)
		}
	}
	c.forgetEmpty(pod.Spec.NodeName)
	return pod
}

func (n *Node) count(pod *Pod, sign int) {
	n.pods += sign
	n.requested.add(pod.requests, int64(sign))
	n.load.add(pod.load, int64(sign))
	if pod.owner == "" {
		return
	}
	if n.siblings[pod.owner] += sign; n.siblings[pod.owner] == 0 {
		delete(n.siblings, pod.owner)
	}
}

// What a pod that asks for nothing counts as when nodes are ranked: else nodes full of such pods would look empty.
const (
	modestCPU    = 100
	modestMemory = 200 << 20
)

func newPod(object *corev1.Pod) *Pod {
	p := &Pod{
		Pod: object, requests: resourcesOf(resource.PodRequests(object, resource.PodResourcesOptions{UseStatusResources: true})),
		ports: podspec.HostPorts(&object.Spec),
	}
	p.load = Resources{CPU: cmp.Or(p.requests.CPU, modestCPU), Memory: cmp.Or(p.requests.Memory, modestMemory)}
	if owner := metav1.GetControllerOfNoCopy(object); owner != nil {
		p.owner = owner.UID
	}
	if a := object.Spec.Affinity; a != nil {
		if a.PodAffinity != nil {
			p.attracts = newTerms(object, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
		if a.PodAntiAffinity != nil {
			p.repels = newTerms(object, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
		}
	}
	return p
}

func resourcesOf(list corev1.ResourceList) Resources {
	r := Resources{}
	for name, quantity := range list {
		switch name {
		case corev1.ResourceCPU:
			r.CPU = quantity.MilliValue()
		case corev1.ResourceMemory:
			r.Memory = quantity.Value()
		default:
			if r.Other == nil {
				r.Other = map[corev1.ResourceName]int64{}
			}
			r.Other[name] = quantity.Value()
		}
	}
	return r
}

func (r *Resources) add(more Resources, sign int64) {
	r.CPU += sign * more.CPU
	r.Memory += sign * more.Memory
	for name, amount := range more.Other {
		if r.Other == nil {
			r.Other = map[corev1.ResourceName]int64{}
		}
		r.Other[name] += sign * amount
	}
}
