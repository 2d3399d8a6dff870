package access

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Restrict says what may not be written, where that depends on the object: [Policy.Authorize] sees only the path,
// in which a new object has no name, and nothing of what a write changes. old is nil on create, new on delete. What people write is
// restricted where it gives rights away.
func (p *Policy) Restrict(r Request, old, new any) error {
	if err := p.restrictPart(r, old, new); err != nil {
		return err
	}
	return p.restrictGrants(r, old, new)
}

// restrictPart says what a part of the cluster may not write.
func (p *Policy) restrictPart(r Request, old, new any) error {
	is, node, _ := p.of(r.User, r.Groups)
	if node != "" {
		return restrictNode(node, r.Addresses, old, new)
	}
	created, named := new.(metav1.Object)
	if len(is.grants) == 0 || !named {
		return nil
	}
	if isNew(r) {
		r.Name = created.GetName()
	}
	covers := func(g grant) bool { return g.coversNamed(r) }
	switch {
	case !slices.ContainsFunc(is.grants, covers):
		return fmt.Errorf("%s may not %s %s %q, but only those that it needs", r.User, r.Verb, r.Resource, r.Name)
	case slices.ContainsFunc(is.grants, func(g grant) bool { return covers(g) && !g.Metadata }):
		return nil
	case !sameButTies(old, new):
		return fmt.Errorf("%s may only change whose %s %q is, and what holds it", r.User, r.Resource, r.Name)
	}
	return nil
}

// RestrictToken says whether whoever may ask for the token of an account may have one for these audiences (none: the API server), bound to this pod (nil: to
// none). A kubelet gets what the volumes of pods ask for that run on its node, and nothing else: a token that outlives its pod would outlive the node's trust,
// and with one for another audience a node could pass for its pods where they never go.
func (p *Policy) RestrictToken(r Request, pod *corev1.Pod, audiences []string) error {
	_, node, _ := p.of(r.User, r.Groups)
	switch {
	case node == "":
		return nil
	case pod == nil:
		return fmt.Errorf("node %q requested a token that is not bound to a pod", node)
	case pod.Spec.NodeName != node:
		return fmt.Errorf("node %q requested a token bound to a pod that runs on %q", node, pod.Spec.NodeName)
	}
	if len(audiences) > 1 {
		return fmt.Errorf("node may only request 0 or 1 audiences")
	}
	if audience := strings.Join(audiences, ""); !slices.Contains(audiencesOf(pod), audience) {
		return fmt.Errorf("audience %q not found in pod spec volume, %s is not authorized to request tokens for this audience", audience, r.User)
	}
	return nil
}

// audiencesOf are those for which a pod's volumes hold tokens. None is the API server's.
func audiencesOf(pod *corev1.Pod) (audiences []string) {
	for _, v := range pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if token := source.ServiceAccountToken; token != nil {
				audiences = append(audiences, token.Audience)
			}
		}
	}
	return audiences
}

// sameButTies says whether two objects differ only in their owners and finalizers, and in what the server itself changes with these.
func sameButTies(old, new any) bool {
	var plain [2]map[string]any
	for i, object := range []any{old, new} {
		var err error
		if plain[i], err = runtime.DefaultUnstructuredConverter.ToUnstructured(object); err != nil {
			return false
		}
		for _, field := range []string{"ownerReferences", "finalizers", "resourceVersion", "managedFields"} {
			unstructured.RemoveNestedField(plain[i], "metadata", field)
		}
	}
	return apiequality.Semantic.DeepEqual(plain[0], plain[1])
}

// restrictNode says what a kubelet may not write. addresses are those that its certificate names.
func restrictNode(node string, addresses []netip.Addr, old, new any) error {
	switch new := new.(type) {
	case *corev1.Node:
		before, _ := old.(*corev1.Node)
		if err := restrictOwnNode(node, before, new); err != nil {
			return err
		}
		return restrictAddresses(node, addresses, before, new)
	case *coordinationv1.Lease:
		if new.Namespace != nodeLeases || new.Name != node {
			return fmt.Errorf("node %q may only write the Lease of its own name in %s, not %s in %s", node, nodeLeases, new.Name, new.Namespace)
		}
	case *corev1.Event:
		before, _ := old.(*corev1.Event)
		if host := tellerOf(cmp.Or(before, new)); host != node || tellerOf(new) != node {
			return fmt.Errorf("node %q may only tell of what happens on it, not on %q", node, host)
		}
	}
	if pod, isPod := old.(*corev1.Pod); isPod && pod.Spec.NodeName != node {
		return fmt.Errorf("node %q may only write pods that run on it, and %s runs on %q", node, pod.Name, pod.Spec.NodeName)
	}
	return nil
}

// tellerOf is the host from which an event tells.
func tellerOf(event *corev1.Event) string { return cmp.Or(event.Source.Host, event.ReportingInstance) }

// restrictOwnNode keeps a node that was broken into from posing as another, from drawing pods to itself, from taking the
// addresses of another's pods, and from having itself removed, taints and all, to come back without them.
func restrictOwnNode(name string, old, new *corev1.Node) error {
	if new.Name != name {
		return fmt.Errorf("node %q is not allowed to write node %q", name, new.Name)
	}
	if old == nil {
		old = &corev1.Node{Spec: corev1.NodeSpec{Taints: new.Spec.Taints}}
	}
	switch {
	case !apiequality.Semantic.DeepEqual(old.Spec.Taints, new.Spec.Taints):
		return fmt.Errorf("node %q is not allowed to change its taints", name)
	case !slices.Equal(old.Spec.PodCIDRs, new.Spec.PodCIDRs) || old.Spec.PodCIDR != new.Spec.PodCIDR:
		return fmt.Errorf("node %q is not allowed to choose the addresses of its pods", name)
	case !apiequality.Semantic.DeepEqual(old.OwnerReferences, new.OwnerReferences):
		return fmt.Errorf("node %q is not allowed to change its ownerReferences", name)
	}
	if before, after := trustLabels(old.Labels), trustLabels(new.Labels); !maps.Equal(before, after) {
		return fmt.Errorf("node %q is not allowed to change the labels by which others trust it, from %v to %v", name, before, after)
	}
	return nil
}

// restrictAddresses keeps a node from having others talk to whom it likes, in its stead. It may say what its certificate says: the
// addresses in it, and the node's name as the host's. What somebody else has entered may stay.
func restrictAddresses(name string, named []netip.Addr, old, new *corev1.Node) error {
	for _, address := range new.Status.Addresses {
		if old != nil && slices.Contains(old.Status.Addresses, address) {
			continue
		}
		switch address.Type {
		case corev1.NodeInternalIP, corev1.NodeExternalIP:
			if ip, err := netip.ParseAddr(address.Address); err == nil && slices.Contains(named, ip) {
				continue
			}
		default:
			if address.Address == name {
				continue
			}
		}
		return fmt.Errorf("node %q is not allowed to have the %s %q: its certificate does not name it", name, address.Type, address.Address)
	}
	return nil
}

func trustLabels(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.DeleteFunc(labels, func(label, _ string) bool { return !trusted(label) })
	return labels
}

// selfDescribed are the labels of Kubernetes' own domains by which a node says what it is, as in upstream's list for kubelets.
var selfDescribed = []string{
	corev1.LabelHostname, corev1.LabelArchStable, corev1.LabelOSStable,
	corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone, corev1.LabelFailureDomainBetaRegion,
	corev1.LabelInstanceType, "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
}

// trusted says whether a label is Kubernetes' own and none by which a node describes itself.
func trusted(label string) bool {
	domain, _, _ := strings.Cut(label, "/")
	within := func(parent string) bool { return strings.HasSuffix("."+domain, "."+parent) }
	if slices.Contains(selfDescribed, label) || within("node.kubernetes.io") || within("kubelet.kubernetes.io") {
		return false
	}
	return within("kubernetes.io") || within("k8s.io")
}
