package deployments

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// The annotations by which kubectl and this loop know versions. On a Deployment revision is that of its current version.
const (
	revisionAnnotation = "deployment.kubernetes.io/revision"
	historyAnnotation  = "deployment.kubernetes.io/revision-history" // earlier revisions of the same template
	desiredAnnotation  = "deployment.kubernetes.io/desired-replicas" // the Deployment's size at the last step
	maxAnnotation      = "deployment.kubernetes.io/max-replicas"     // the same with surge
	hashLabel          = appsv1.DefaultDeploymentUniqueLabelKey      // pod-template-hash
)

// notInherited are a Deployment's annotations that its ReplicaSets do not get.
var notInherited = []string{
	corev1.LastAppliedConfigAnnotation, appsv1.DeprecatedRollbackTo,
	revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation,
}

// newSet makes the ReplicaSet of the template as it is now, still without pods.
func newSet(d *appsv1.Deployment) *appsv1.ReplicaSet {
	hash := templateHash(&d.Spec.Template, d.Status.CollisionCount)
	template := d.Spec.Template.DeepCopy()
	template.Labels = with(template.Labels, hash)
	selector := d.Spec.Selector.DeepCopy()
	selector.MatchLabels = with(selector.MatchLabels, hash)
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + hash, Labels: template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, controller)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(0)), MinReadySeconds: d.Spec.MinReadySeconds, Selector: selector, Template: *template,
		},
	}
}

func with(labels map[string]string, hash string) map[string]string {
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[hashLabel] = hash
	return labels
}

// templateHash is a short name for a template. It is computed from the JSON form, which does not change with
// this program. collisions sets apart two templates that happen to have the same.
func templateHash(template *corev1.PodTemplateSpec, collisions *int32) string {
	text, err := json.Marshal(template)
	if err != nil {
		panic(fmt.Sprintf("a template is plain data: %v", err))
	}
	hash := fnv.New32a()
	hash.Write(text)
	if collisions != nil {
		fmt.Fprint(hash, *collisions)
	}
	return rand.SafeEncodeString(strconv.FormatUint(uint64(hash.Sum32()), 10))
}

// sameTemplate compares two templates but for the label that the hash adds.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	x, y := *a, *b
	x.Labels, y.Labels = maps.Clone(a.Labels), maps.Clone(b.Labels)
	delete(x.Labels, hashLabel)
	delete(y.Labels, hashLabel)
	return equality.Semantic.DeepEqual(x, y)
}

// revision is that of the current version: one more than that of any other.
func (r *rollout) revision() int64 {
	var latest int64
	for _, set := range r.old {
		latest = max(latest, revisionOf(set))
	}
	return max(latest+1, revisionOf(r.current))
}

func revisionOf(o metav1.Object) int64 {
	revision, err := strconv.ParseInt(o.GetAnnotations()[revisionAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return revision
}

// changes compares the ReplicaSets with what they should be, the current one first: it grows before others shrink. One
// that is not there yet has changes, too.
func (r *rollout) changes(revision int64) []Change {
	var changes []Change
	for _, set := range append([]*appsv1.ReplicaSet{r.current}, r.old...) {
		to := r.size[set]
		change := Change{Set: set.Name, From: *set.Spec.Replicas, To: to, Annotations: map[string]string{}}
		wanted := map[string]string{}
		if to > 0 {
			surge, _ := r.bounds()
			wanted[desiredAnnotation] = fmt.Sprint(*r.Spec.Replicas)
			wanted[maxAnnotation] = fmt.Sprint(*r.Spec.Replicas + surge)
		}
		if set == r.current && revision > 0 {
			maps.Copy(wanted, r.marks(revision))
		}
		for key, value := range wanted {
			if set.Annotations[key] != value {
				change.Annotations[key] = value
			}
		}
		ready := set != r.current || set.Spec.MinReadySeconds == r.Spec.MinReadySeconds
		if change.From != to || len(change.Annotations) > 0 || !ready {
			changes = append(changes, change)
		}
	}
	return changes
}

// marks are the annotations of the current version: the Deployment's own (kubectl rollout history shows the
// change-cause), and its number. A version that comes back gets a new number and remembers the earlier ones.
func (r *rollout) marks(revision int64) map[string]string {
	marks := map[string]string{revisionAnnotation: fmt.Sprint(revision)}
	for key, value := range r.Annotations {
		if !slices.Contains(notInherited, key) {
			marks[key] = value
		}
	}
	if before := revisionOf(r.current); before != 0 && before < revision {
		history := []string{fmt.Sprint(before)}
		if earlier := r.current.Annotations[historyAnnotation]; earlier != "" {
			history = append(strings.Split(earlier, ","), history...)
		}
		marks[historyAnnotation] = strings.Join(history, ",")
	}
	return marks
}

// beyondHistory lists the oldest versions that nobody can go back to any more.
func (r *rollout) beyondHistory() []string {
	var unused []*appsv1.ReplicaSet
	for _, set := range r.old {
		if *set.Spec.Replicas == 0 && set.Status.Replicas == 0 && set.Status.ObservedGeneration >= set.Generation {
			unused = append(unused, set)
		}
	}
	slices.SortStableFunc(unused, func(a, b *appsv1.ReplicaSet) int { return int(revisionOf(a) - revisionOf(b)) })
	var names []string
	for _, set := range unused[:max(len(unused)-int(*r.Spec.RevisionHistoryLimit), 0)] {
		names = append(names, set.Name)
	}
	return names
}
