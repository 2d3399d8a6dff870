package services

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// perSlice is how many endpoints we put into one slice. A change of one endpoint sends a whole slice to
	// every node, which is why a service of thousands is not one object.
	perSlice = 100
	// managedBy marks the slices that are ours to change.
	managedBy = "endpointslice-controller.k8s.io"
)

// EndpointAction is one write that makes the slices of a service right.
type EndpointAction struct {
	Verb  EndpointVerb
	Slice *discoveryv1.EndpointSlice
	Pods  []string // the pods on account of which: they join, change or leave
}

// EndpointVerb names what an EndpointAction does.
type EndpointVerb string

// The writes of a plan, in the order in which they are carried out: an endpoint that moves is in two slices
// for a moment rather than in none.
const (
	CreateSlice EndpointVerb = "create"
	UpdateSlice EndpointVerb = "update"
	DeleteSlice EndpointVerb = "delete"
)

// PlanEndpoints compares the pods that a service selects with its slices. It changes as few slices as
// it can: an endpoint stays where it is, and a new one goes where something changes anyway.
// Neither pods nor slices of the caller are changed.
func PlanEndpoints(service *corev1.Service, pods []*corev1.Pod, existing []*discoveryv1.EndpointSlice) []EndpointAction {
	plan := &slicePlan{service: service, wanted: wantedEndpoints(service, pods)}
	plan.sortOut(existing)
	plan.keep()
	plan.place()
	return plan.actions()
}

// slicePlan is the work on a plan.
type slicePlan struct {
	service *corev1.Service
	wanted  map[portSet]*group
	slices  []*draft
	foreign []*discoveryv1.EndpointSlice // left by a service that had the same name
}

// draft is a slice as it will be. was is nil if there is none yet.
type draft struct {
	is, was *discoveryv1.EndpointSlice
}

func (d draft) changed() bool { return d.was == nil || !apiequality.Semantic.DeepEqual(d.is, d.was) }

// pods names the pods whose endpoints differ between what is there and what will be.
func (d draft) pods() []string {
	before := map[string]discoveryv1.Endpoint{}
	if d.was != nil {
		for _, endpoint := range d.was.Endpoints {
			before[podOf(endpoint)] = endpoint
		}
	}
	var names []string
	for _, endpoint := range d.is.Endpoints {
		name := podOf(endpoint)
		if !apiequality.Semantic.DeepEqual(before[name], endpoint) {
			names = append(names, name)
		}
		delete(before, name)
	}
	return append(names, slices.Sorted(maps.Keys(before))...)
}

func podOf(endpoint discoveryv1.Endpoint) string {
	if endpoint.TargetRef == nil {
		return ""
	}
	return endpoint.TargetRef.Name
}

// sortOut makes a draft of each slice that is ours. Slices that somebody else wrote for the service are left alone.
func (p *slicePlan) sortOut(existing []*discoveryv1.EndpointSlice) {
	for _, slice := range existing {
		switch labels := slice.Labels; {
		case labels[discoveryv1.LabelManagedBy] != managedBy || labels[discoveryv1.LabelServiceName] != p.service.Name:
		case slice.DeletionTimestamp != nil:
		case !metav1.IsControlledBy(slice, p.service):
			p.foreign = append(p.foreign, slice)
		default:
			p.slices = append(p.slices, &draft{is: slice.DeepCopy(), was: slice})
		}
	}
	slices.SortFunc(p.slices, func(a, b *draft) int { return cmp.Compare(a.is.Name, b.is.Name) })
}

// keep leaves in each slice the endpoints that are still wanted, as they are now, and takes them off the list.
func (p *slicePlan) keep() {
	for _, slice := range p.slices {
		slice.is.Labels = sliceLabels(p.service)
		g := p.wanted[keyOf(slice.is.Ports)]
		var kept []discoveryv1.Endpoint
		for _, endpoint := range slice.is.Endpoints {
			if g == nil || len(endpoint.Addresses) != 1 {
				continue
			}
			if now, wanted := g.endpoints[endpoint.Addresses[0]]; wanted {
				kept = append(kept, now)
				delete(g.endpoints, endpoint.Addresses[0])
			}
		}
		slice.is.Endpoints = kept
	}
}

// place finds room for the endpoints that are in no slice yet: in slices that change anyway, then in any, then in
// slices that have become empty, then in new ones.
func (p *slicePlan) place() {
	for _, key := range slices.Sorted(maps.Keys(p.wanted)) {
		g := p.wanted[key]
		left := slices.SortedFunc(maps.Values(g.endpoints), func(a, b discoveryv1.Endpoint) int {
			return cmp.Compare(a.Addresses[0], b.Addresses[0])
		})
		for len(left) > 0 {
			slice := p.roomFor(key)
			slice.is.Ports = g.ports
			n := min(perSlice-len(slice.is.Endpoints), len(left))
			slice.is.Endpoints = append(slice.is.Endpoints, left[:n]...)
			left = left[n:]
		}
	}
	if len(p.slices) == 0 {
		p.newSlice() // a service without pods has an empty slice: somebody has looked, and there is nobody
	}
}

// roomFor returns the best slice for an endpoint with the given ports.
func (p *slicePlan) roomFor(key portSet) *draft {
	var best *draft
	rank := 0
	for _, slice := range p.slices {
		full, empty := len(slice.is.Endpoints) >= perSlice, len(slice.is.Endpoints) == 0
		r := 0
		switch same := keyOf(slice.is.Ports) == key; {
		case full || !same && !empty:
		case same && slice.changed():
			r = 3
		case same:
			r = 2
		default:
			r = 1
		}
		if r > rank {
			best, rank = slice, r
		}
	}
	if best == nil {
		return p.newSlice()
	}
	return best
}

func (p *slicePlan) newSlice() *draft {
	slice := &draft{is: &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: p.service.Name + "-", Namespace: p.service.Namespace, Labels: sliceLabels(p.service),
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(p.service, corev1.SchemeGroupVersion.WithKind("Service")),
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}}
	p.slices = append(p.slices, slice)
	return slice
}

// actions are the differences between the drafts and what is there. Of slices that became empty, one may stay: the only one.
func (p *slicePlan) actions() []EndpointAction {
	byVerb := map[EndpointVerb][]EndpointAction{}
	add := func(verb EndpointVerb, slice *discoveryv1.EndpointSlice, pods []string) {
		byVerb[verb] = append(byVerb[verb], EndpointAction{verb, slice, pods})
	}
	remaining := len(p.slices)
	for _, slice := range p.slices {
		switch {
		case slice.was == nil:
			add(CreateSlice, slice.is, slice.pods())
		case len(slice.is.Endpoints) == 0 && remaining > 1:
			add(DeleteSlice, slice.was, slice.pods())
			remaining--
		case slice.changed():
			add(UpdateSlice, slice.is, slice.pods())
		}
	}
	for _, slice := range p.foreign {
		add(DeleteSlice, slice, nil)
	}
	return slices.Concat(byVerb[CreateSlice], byVerb[UpdateSlice], byVerb[DeleteSlice])
}

// sliceLabels are the service's own labels, and those that lead from a slice to its service and its keeper.
func sliceLabels(service *corev1.Service) map[string]string {
	labels := maps.Clone(service.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[discoveryv1.LabelServiceName] = service.Name
	labels[discoveryv1.LabelManagedBy] = managedBy
	if service.Spec.ClusterIP == corev1.ClusterIPNone {
		labels[corev1.IsHeadlessService] = ""
	}
	return labels
}
