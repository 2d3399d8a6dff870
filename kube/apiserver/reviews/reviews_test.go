package reviews

import (
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/access"
	"kubelab/kube/component"
)

// policy is one in which a node may list the pods that are on it.
func policy(t *testing.T) *access.Policy {
	t.Helper()
	kubelet := component.Component{Name: "kubelet", Place: component.Node, User: access.NodePrefix + "{host}", Groups: []string{access.NodesGroup}, Rights: []component.Right{component.May("list", "", "pods").Only(component.OwnPods)}}
	policy, err := access.NewPolicy([]component.Component{kubelet})
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestAQuestionIsLimitedByItsFieldSelectorAsARequestIs(t *testing.T) {
	in := func(key string, values ...string) *authorizationv1.FieldSelectorAttributes {
		return &authorizationv1.FieldSelectorAttributes{Requirements: []metav1.FieldSelectorRequirement{{Key: key, Operator: metav1.FieldSelectorOpIn, Values: values}}}
	}
	raw := func(text string) *authorizationv1.FieldSelectorAttributes {
		return &authorizationv1.FieldSelectorAttributes{RawSelector: text}
	}
	for what, c := range map[string]struct {
		selector *authorizationv1.FieldSelectorAttributes
		want     bool
	}{
		"all pods":            {nil, false},
		"its own":             {in("spec.nodeName", "node-1"), true},
		"its own, as a text":  {raw("spec.nodeName=node-1"), true},
		"another's":           {in("spec.nodeName", "node-2"), false},
		"its own and others'": {in("spec.nodeName", "node-1", "node-2"), false},
		"a text of nonsense":  {raw("spec.nodeName"), false},
	} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Resource: "pods", FieldSelector: c.selector}}}
		err := Answer(policy(t), access.Request{}, Sender{Name: "system:node:node-1", Groups: []string{"system:nodes"}}, review)
		if err != nil || review.Status.Allowed != c.want {
			t.Errorf("may a node list %s: %v, %v, want %t", what, review.Status, err, c.want)
		}
	}
}

func TestASelectorOfAQuestionIsWellFormed(t *testing.T) {
	for want, attributes := range map[string]authorizationv1.ResourceAttributes{
		"fieldSelector.rawSelector":              {FieldSelector: &authorizationv1.FieldSelectorAttributes{RawSelector: "a=b", Requirements: make([]metav1.FieldSelectorRequirement, 1)}},
		"fieldSelector.requirements: Required":   {FieldSelector: &authorizationv1.FieldSelectorAttributes{}},
		"fieldSelector.requirements[0].key":      {FieldSelector: &authorizationv1.FieldSelectorAttributes{Requirements: []metav1.FieldSelectorRequirement{{Operator: "Exists"}}}},
		"fieldSelector.requirements[0].values":   {FieldSelector: &authorizationv1.FieldSelectorAttributes{Requirements: []metav1.FieldSelectorRequirement{{Key: "a", Operator: "In"}}}},
		"fieldSelector.requirements[0].operator": {FieldSelector: &authorizationv1.FieldSelectorAttributes{Requirements: []metav1.FieldSelectorRequirement{{Key: "a", Operator: "Like"}}}},
		"labelSelector.rawSelector":              {LabelSelector: &authorizationv1.LabelSelectorAttributes{RawSelector: "a=b", Requirements: make([]metav1.LabelSelectorRequirement, 1)}},
		"labelSelector.requirements[0].operator": {LabelSelector: &authorizationv1.LabelSelectorAttributes{Requirements: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}},
	} {
		attributes.Verb, attributes.Resource = "list", "pods"
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &attributes}}
		if err := Answer(policy(t), access.Request{}, Sender{}, review); err == nil || !strings.Contains(err.Error(), "spec.resourceAttributes."+want) {
			t.Errorf("got %v, want an error at %s", err, want)
		}
	}
}

func TestAPathIsNoResourceEvenWhereItIsEmpty(t *testing.T) {
	reader := component.Component{Name: "reader", Place: component.ControlPlane, User: "reader", Rights: []component.Right{component.May("get", "*", "*").Because("of this test")}}
	policy, err := access.NewPolicy([]component.Component{reader})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/metrics"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: "get", Path: path}}}
		if err := Answer(policy, access.Request{}, Sender{Name: "reader"}, review); err != nil || review.Status.Allowed {
			t.Errorf("path %q by who may get all resources: %v, %v, want it refused", path, review.Status, err)
		}
	}
}
