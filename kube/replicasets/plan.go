package replicasets

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"kubelab/kube/api"
)

// burst is how many pods one turn of the loop creates or deletes at most. What is left is the next turn's.
const burst = 500

// Plan is what a ReplicaSet needs. Pods are given by name.
type Plan struct {
	Adopt   []string                `json:"adopt,omitempty"`   // match the selector and have no controller
	Release []string                `json:"release,omitempty"` // are controlled, and no longer match
	Create  int                     `json:"create"`            // how many are missing
	Delete  []Removal               `json:"delete,omitempty"`  // the surplus
	Status  appsv1.ReplicaSetStatus `json:"status"`
	Again   time.Duration           `json:"again,omitempty"` // when the next pod becomes available by the mere passing of time; zero: none does
}

// Removal is a pod that goes, and why it is this one and not another.
type Removal struct {
	Pod string `json:"pod"`
	Why string `json:"why,omitempty"` // "is not ready"; empty if none of the pods stay
}

// because is that reason as the end of a sentence.
func (r Removal) because() string {
	if r.Why == "" {
		return ""
	}
	return ": " + r.Pod + " " + r.Why
}

// Decide compares what rs wants with pods: all that it controls, and others of its namespace without a
// controller. A ReplicaSet that is being deleted only counts.
func Decide(rs *appsv1.ReplicaSet, pods []*corev1.Pod, now time.Time) Plan {
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	if err != nil {
		return Plan{Status: rs.Status} // validation lets none in
	}
	var plan Plan
	var replicas []*corev1.Pod
	var ending int32
	for _, pod := range pods {
		mine, matches := metav1.IsControlledBy(pod, rs), selector.Matches(labels.Set(pod.Labels))
		switch {
		case !api.PodActive(pod):
			if mine && matches && !api.PodEnded(pod) {
				ending++
			}
		case mine && matches:
			replicas = append(replicas, pod)
		case mine:
			plan.Release = append(plan.Release, pod.Name)
		case matches && metav1.GetControllerOf(pod) == nil && rs.DeletionTimestamp == nil:
			plan.Adopt = append(plan.Adopt, pod.Name)
			replicas = append(replicas, pod)
		}
	}
	plan.Status, plan.Again = status(rs, replicas, now)
	plan.Status.TerminatingReplicas = &ending
	if rs.DeletionTimestamp != nil {
		plan.Release = nil
		return plan
	}
	wanted := int(*rs.Spec.Replicas)
	plan.Create = min(max(wanted-len(replicas), 0), burst)
	plan.Delete = surplus(replicas, len(replicas)-wanted)
	slices.Sort(plan.Adopt)
	slices.Sort(plan.Release)
	return plan
}

// status counts replicas. Its condition of failure stays as it is: only an attempt can tell.
func status(rs *appsv1.ReplicaSet, replicas []*corev1.Pod, now time.Time) (appsv1.ReplicaSetStatus, time.Duration) {
	s := appsv1.ReplicaSetStatus{
		Replicas: int32(len(replicas)), ObservedGeneration: rs.Generation, Conditions: rs.Status.Conditions,
	}
	template := labels.SelectorFromSet(rs.Spec.Template.Labels)
	var again time.Duration
	for _, pod := range replicas {
		if template.Matches(labels.Set(pod.Labels)) {
			s.FullyLabeledReplicas++
		}
		if _, ready := api.PodReady(pod); ready {
			s.ReadyReplicas++
		}
		available, wait := api.PodAvailable(pod, rs.Spec.MinReadySeconds, now)
		if available {
			s.AvailableReplicas++
		} else if wait > 0 && (again == 0 || wait < again) {
			again = wait
		}
	}
	return s, again
}

// withFailure records whether the last attempt to create or delete pods went wrong. An attempt that went
// well, or was not needed, removes the condition.
func withFailure(s appsv1.ReplicaSetStatus, reason string, failure error, now time.Time) appsv1.ReplicaSetStatus {
	is := func(c appsv1.ReplicaSetCondition) bool { return c.Type == appsv1.ReplicaSetReplicaFailure }
	at := slices.IndexFunc(s.Conditions, is)
	switch {
	case failure == nil:
		s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), is)
	case at < 0 || s.Conditions[at].Reason != reason:
		s.Conditions = append(slices.DeleteFunc(slices.Clone(s.Conditions), is), appsv1.ReplicaSetCondition{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue,
			LastTransitionTime: metav1.NewTime(now), Reason: reason, Message: failure.Error(),
		})
	}
	return s
}

// newPod makes a pod from the template. The server completes its name, and who creates it says whose it is.
func newPod(rs *appsv1.ReplicaSet) *corev1.Pod {
	template := rs.Spec.Template.DeepCopy()
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: rs.Name + "-", Namespace: rs.Namespace,
			Labels: template.Labels, Annotations: template.Annotations, Finalizers: template.Finalizers,
		},
		Spec: template.Spec,
	}
}
