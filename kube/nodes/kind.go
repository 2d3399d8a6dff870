package nodes

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
)

// Kinds are the kinds of this room.
var Kinds = []api.Kind{node.Kind()}

// A node is a machine that runs pods. It reports itself: its kubelet makes the object and writes its status.
var node = api.Type[*corev1.Node]{
	Names: api.Names{Plural: "nodes", Short: []string{"no"}, HasStatus: true, KeepsStatus: true},
	Default: func(n *corev1.Node) {
		// One range, two names: the second came with networks of two families.
		if n.Spec.PodCIDR == "" && len(n.Spec.PodCIDRs) > 0 {
			n.Spec.PodCIDR = n.Spec.PodCIDRs[0]
		} else if n.Spec.PodCIDR != "" && len(n.Spec.PodCIDRs) == 0 {
			n.Spec.PodCIDRs = []string{n.Spec.PodCIDR}
		}
		if n.Status.Allocatable == nil && n.Status.Capacity != nil {
			n.Status.Allocatable = n.Status.Capacity.DeepCopy()
		}
	},
	Prepare: func(n, old *corev1.Node) {
		if old == nil && status(n, corev1.NodeReady) != corev1.ConditionTrue { // nothing shall be put on it before it is
			addTaint(&n.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: corev1.TaintEffectNoSchedule})
		}
	},
	Validate:       validate,
	ValidateUpdate: validateUpdate,
	Claim: func(n *corev1.Node, taken api.Taken) ([]string, error) {
		if n.Spec.PodCIDR == "" {
			return nil, nil
		}
		claim := "podcidr/" + n.Spec.PodCIDR
		if taken(claim) {
			return nil, apierrors.NewConflict(corev1.Resource("nodes"), n.Name,
				fmt.Errorf("another node has the pod range %s", n.Spec.PodCIDR))
		}
		return []string{claim}, nil
	},
	Columns: columns,
}

func validate(n *corev1.Node) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateTaints(n.Spec.Taints, spec.Child("taints"))
	for i, cidr := range n.Spec.PodCIDRs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			errs = append(errs, field.Invalid(spec.Child("podCIDRs").Index(i), cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"))
		}
	}
	//lint:ignore SA1019 so it is refused
	if n.Spec.ConfigSource != nil {
		errs = append(errs, field.Forbidden(spec.Child("configSource"), api.NotYet))
	}
	if n.Spec.PodPreemptionPolicy != nil {
		errs = append(errs, field.Forbidden(spec.Child("podPreemptionPolicy"), api.NotYet))
	}
	if len(n.Spec.PodCIDRs) > 1 {
		errs = append(errs, field.Forbidden(spec.Child("podCIDRs"), "kubelab gives pods addresses of one family: one range is enough"))
	}
	return errs
}

func validateTaints(taints []corev1.Taint, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[corev1.Taint]()
	for i, taint := range taints {
		at := path.Index(i)
		errs = append(errs, metavalidation.ValidateLabelName(taint.Key, at.Child("key"))...)
		for _, message := range validation.IsValidLabelValue(taint.Value) {
			errs = append(errs, field.Invalid(at.Child("value"), taint.Value, message))
		}
		errs = append(errs, podspec.ValidateTaintEffect(taint.Effect, at.Child("effect"))...)
		unique := corev1.Taint{Key: taint.Key, Effect: taint.Effect}
		if seen.Has(unique) {
			duplicate := field.Duplicate(at, taint)
			duplicate.Detail = "taints must be unique by key and effect pair"
			errs = append(errs, duplicate)
		}
		seen.Insert(unique)
	}
	return errs
}

func validateUpdate(n, old *corev1.Node) field.ErrorList {
	var errs field.ErrorList
	if old.Spec.PodCIDR != "" && n.Spec.PodCIDR != old.Spec.PodCIDR {
		errs = append(errs, field.Forbidden(field.NewPath("spec", "podCIDRs"), `node updates may not change podCIDR except from "" to valid`))
	}
	if old.Spec.ProviderID != "" && n.Spec.ProviderID != old.Spec.ProviderID {
		errs = append(errs, field.Forbidden(field.NewPath("spec", "providerID"), `node updates may not change providerID except from "" to valid`))
	}
	return errs
}

// status is what the node, or who speaks for it, says of one condition. Empty: nothing.
func status(n *corev1.Node, kind corev1.NodeConditionType) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status
		}
	}
	return ""
}

// addTaint adds a taint unless there is one of that key and effect.
func addTaint(taints *[]corev1.Taint, taint corev1.Taint) {
	for _, t := range *taints {
		if t.MatchTaint(&taint) {
			return
		}
	}
	*taints = append(*taints, taint)
}
