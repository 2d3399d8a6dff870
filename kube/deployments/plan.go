package deployments

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Plan is the next step of a Deployment. ReplicaSets are given by name.
type Plan struct {
	Adopt    []string                `json:"adopt,omitempty"`   // match the selector and have no controller
	Current  string                  `json:"current"`           // the ReplicaSet of the template as it is now
	Create   bool                    `json:"create,omitempty"`  // it does not exist yet
	Revision int64                   `json:"revision"`          // which version of the Deployment it is
	Changes  []Change                `json:"changes,omitempty"` // to ReplicaSets; one of size zero and no annotations is not among them
	Delete   []string                `json:"delete,omitempty"`  // old ones beyond the history limit
	Status   appsv1.DeploymentStatus `json:"status"`
	Again    time.Duration           `json:"again,omitempty"` // when the progress deadline comes; zero: it does not
}

// Change is what one ReplicaSet needs.
type Change struct {
	Set         string            `json:"set"`
	From        int32             `json:"from"`                  // its size
	To          int32             `json:"to"`                    // equal to From if only its annotations change
	Annotations map[string]string `json:"annotations,omitempty"` // those to add or replace
}

// rollout is a Deployment and its versions, with the sizes that they are to get.
type rollout struct {
	*appsv1.Deployment
	current *appsv1.ReplicaSet           // of the template as it is now; may not exist yet
	old     []*appsv1.ReplicaSet         // the others, oldest first
	exists  bool                         // current does
	size    map[*appsv1.ReplicaSet]int32 // what each is to have
}

// Decide computes the next step of d. sets are the ReplicaSets that d controls, and others of its
// namespace that have no controller.
func Decide(d *appsv1.Deployment, sets []*appsv1.ReplicaSet, now time.Time) Plan {
	r, adopt := observe(d, sets)
	if d.DeletionTimestamp != nil {
		return Plan{Status: r.count()}
	}
	plan := Plan{Adopt: adopt, Current: r.current.Name, Create: !r.exists && !d.Spec.Paused}
	switch {
	case d.Spec.Paused:
		r.resize()
	case d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		r.recreate()
	case r.resized():
		r.resize()
	default:
		r.roll()
	}
	var began string
	if r.exists || plan.Create {
		plan.Revision = r.revision()
		began = r.began(plan)
	}
	plan.Changes = r.changes(plan.Revision)
	plan.Status, plan.Again = r.report(began, now)
	if r.complete(plan.Status) {
		plan.Delete = r.beyondHistory()
	}
	return plan
}

// observe sorts out which ReplicaSet is which.
func observe(d *appsv1.Deployment, sets []*appsv1.ReplicaSet) (r *rollout, adopt []string) {
	r = &rollout{Deployment: d, size: map[*appsv1.ReplicaSet]int32{}}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		selector = labels.Nothing() // validation lets none in
	}
	for _, set := range slices.SortedFunc(slices.Values(sets), olderFirst) {
		mine := metav1.IsControlledBy(set, d)
		switch {
		case !selector.Matches(labels.Set(set.Labels)) || set.DeletionTimestamp != nil:
			continue
		case !mine && metav1.GetControllerOf(set) != nil:
			continue
		case !mine:
			adopt = append(adopt, set.Name)
		}
		r.size[set] = *set.Spec.Replicas
		if r.current == nil && sameTemplate(&set.Spec.Template, &d.Spec.Template) {
			r.current, r.exists = set, true
		} else {
			r.old = append(r.old, set)
		}
	}
	if !r.exists {
		r.current = newSet(d)
	}
	return r, adopt
}

func olderFirst(a, b *appsv1.ReplicaSet) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}

// all lists the versions that exist, oldest first, the current one last.
func (r *rollout) all() []*appsv1.ReplicaSet {
	all := slices.Clone(r.old)
	if r.exists {
		all = append(all, r.current)
	}
	return all
}

// total is how many pods all versions together are to have.
func (r *rollout) total() int32 {
	var total int32
	for _, size := range r.size {
		total += size
	}
	return total
}

// bounds are how many pods there may be beyond the wanted, and how many of the wanted may be missing. Percentages
// are of the wanted, the first rounded up and the second down. If both come to nothing, one may be missing: the
// rollout could not move otherwise.
func (r *rollout) bounds() (surge, unavailable int32) {
	rolling := r.Spec.Strategy.RollingUpdate
	if rolling == nil {
		return 0, 0
	}
	wanted := int(*r.Spec.Replicas)
	up, errUp := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, wanted, true)
	down, errDown := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, wanted, false)
	if errUp != nil || errDown != nil || up == 0 && down == 0 { // validation lets no wrong ones in
		return 0, 1
	}
	return int32(up), int32(min(down, wanted))
}
