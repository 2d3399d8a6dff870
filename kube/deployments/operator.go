package deployments

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/apps/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// workers is how many Deployments are worked on at once.
const workers = 4

type reconciler struct {
	client      *operator.Client
	deployments listers.DeploymentLister
	sets        *operator.Children[*appsv1.Deployment, *appsv1.ReplicaSet]
	loop        *operator.Loop
}

// New makes the loop that carries out rollouts. The caller syncs client's watches and runs it.
func New(client *operator.Client) (*operator.Loop, error) {
	deployments, sets := client.Watches.Apps().V1().Deployments(), client.Watches.Apps().V1().ReplicaSets().Informer()
	children, err := operator.NewChildren(client, sets, operator.Ownership[*appsv1.Deployment, *appsv1.ReplicaSet]{
		Kind: controller, Child: "ReplicaSet", Selector: func(d *appsv1.Deployment) *metav1.LabelSelector { return d.Spec.Selector },
		Owners: func(namespace string) operator.Getter[*appsv1.Deployment] {
			return client.AppsV1().Deployments(namespace)
		},
		Children: func(namespace string) operator.Writer[*appsv1.ReplicaSet] {
			return client.AppsV1().ReplicaSets(namespace)
		},
	})
	if err != nil {
		return nil, err
	}
	r := &reconciler{client: client, deployments: deployments.Lister(), sets: children}
	r.loop = operator.NewLoop(Loops[0], workers, client, r.reconcile)
	return r.loop, errors.Join(
		operator.Follow(r.loop, deployments.Informer(), operator.Self[*appsv1.Deployment]),
		operator.Follow(r.loop, sets, children.Concerned(deployments.Informer().GetIndexer())))
}

func (r *reconciler) reconcile(ctx context.Context, key operator.Key) error {
	d, err := r.deployments.Deployments(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	sets, err := r.sets.By(d)
	if err != nil {
		return err
	}
	plan := Decide(d, sets, time.Now())
	ctx = trace.Decided(ctx, plan)
	byName := map[string]*appsv1.ReplicaSet{}
	for _, set := range sets {
		byName[set.Name] = set
	}
	if err := r.sets.Adopt(ctx, d, byName, plan.Adopt); err != nil {
		return err
	}
	if err := r.carryOut(ctx, d, plan, byName); err != nil {
		return err
	}
	if plan.Again > 0 {
		r.loop.After(key, plan.Again, "progress deadline over")
	}
	return r.report(ctx, d, plan)
}

// carryOut writes to ReplicaSets what the plan says, in its order.
func (r *reconciler) carryOut(ctx context.Context, d *appsv1.Deployment, plan Plan, sets map[string]*appsv1.ReplicaSet) error {
	for _, change := range plan.Changes {
		current := change.Set == plan.Current
		if current && plan.Create {
			if err := r.create(ctx, d, change); err != nil {
				return err
			}
		} else if err := r.change(ctx, d, sets[change.Set], change, current); err != nil {
			return err
		}
	}
	ctx = trace.Because(ctx, "more than %d old versions", *d.Spec.RevisionHistoryLimit)
	for _, name := range plan.Delete {
		err := r.client.AppsV1().ReplicaSets(d.Namespace).Delete(ctx, name, metav1.DeleteOptions{
			Preconditions: metav1.NewUIDPreconditions(string(sets[name].UID)),
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete old ReplicaSet %s: %w", name, err)
		}
		r.sets.Deleted(sets[name])
	}
	return nil
}

// create makes the ReplicaSet of a new version.
func (r *reconciler) create(ctx context.Context, d *appsv1.Deployment, change Change) error {
	set := newSet(d)
	set.Annotations = change.Annotations
	set.Spec.Replicas = &change.To
	ctx = trace.Because(ctx, "no ReplicaSet has this template: revision %s, with %d of %d pods at first",
		change.Annotations[revisionAnnotation], change.To, *d.Spec.Replicas)
	created, err := r.client.AppsV1().ReplicaSets(d.Namespace).Create(ctx, set, metav1.CreateOptions{})
	switch {
	case apierrors.IsAlreadyExists(err):
		return r.meet(ctx, d, set)
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil // the namespace goes, and d with it
	case err != nil:
		return fmt.Errorf("create ReplicaSet %s: %w", set.Name, err)
	}
	r.sets.Created(created)
	r.tell(ctx, d, change)
	return nil
}

// meet handles a name that is taken. Either the watch is late and the ReplicaSet is the wanted one, or two
// templates have the same hash: then the next turn hashes with another number.
func (r *reconciler) meet(ctx context.Context, d *appsv1.Deployment, wanted *appsv1.ReplicaSet) error {
	found, err := r.client.AppsV1().ReplicaSets(d.Namespace).Get(ctx, wanted.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("look at ReplicaSet %s, which is there already: %w", wanted.Name, err)
	}
	if metav1.IsControlledBy(found, d) && sameTemplate(&found.Spec.Template, &wanted.Spec.Template) {
		if found.DeletionTimestamp == nil {
			r.sets.Created(found)
		}
		return fmt.Errorf("ReplicaSet %s is there already", wanted.Name)
	}
	counted := d.DeepCopy()
	var collisions int32
	if d.Status.CollisionCount != nil {
		collisions = *d.Status.CollisionCount
	}
	counted.Status.CollisionCount = new(collisions + 1)
	ctx = trace.Because(ctx, "%s is the name of another template's ReplicaSet", wanted.Name)
	if _, err := r.client.AppsV1().Deployments(d.Namespace).UpdateStatus(ctx, counted, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("count a collision of %s: %w", wanted.Name, err)
	}
	return fmt.Errorf("the name %s is taken by another template", wanted.Name)
}

// change sizes and annotates a ReplicaSet. It fails if somebody else wrote to it since it was looked at.
func (r *reconciler) change(ctx context.Context, d *appsv1.Deployment, set *appsv1.ReplicaSet, change Change, current bool) error {
	set = set.DeepCopy()
	set.Spec.Replicas = &change.To
	if set.Annotations == nil {
		set.Annotations = map[string]string{}
	}
	maps.Copy(set.Annotations, change.Annotations)
	if current {
		set.Spec.MinReadySeconds = d.Spec.MinReadySeconds
	}
	ctx = trace.Because(ctx, "%s of %s: from %d to %d of %d pods", age(current), d.Name, change.From, change.To, *d.Spec.Replicas)
	if _, err := r.client.AppsV1().ReplicaSets(set.Namespace).Update(ctx, set, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("scale ReplicaSet %s from %d to %d: %w", set.Name, change.From, change.To, err)
	}
	r.tell(ctx, d, change)
	return nil
}

func age(current bool) string {
	if current {
		return "current version"
	}
	return "old version"
}

func (r *reconciler) tell(ctx context.Context, d *appsv1.Deployment, change Change) {
	switch {
	case change.To > change.From:
		r.client.Event(ctx, d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled up replica set %s from %d to %d", change.Set, change.From, change.To)
	case change.To < change.From:
		r.client.Event(ctx, d, corev1.EventTypeNormal, "ScalingReplicaSet", "Scaled down replica set %s from %d to %d", change.Set, change.From, change.To)
	}
}

// report writes the revision and the status, if they say something new.
func (r *reconciler) report(ctx context.Context, d *appsv1.Deployment, plan Plan) error {
	api := r.client.AppsV1().Deployments(d.Namespace)
	if plan.Revision != 0 && revisionOf(d) != plan.Revision {
		ctx := trace.Because(ctx, "%s is revision %d", plan.Current, plan.Revision)
		patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:"%d"}}}`, d.UID, revisionAnnotation, plan.Revision)
		marked, err := api.Patch(ctx, d.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		if err != nil {
			return fmt.Errorf("mark %s with its revision: %w", d.Name, err)
		}
		if marked.Generation != d.Generation {
			return nil // it changed meanwhile: this plan's status is out of date
		}
		d = marked
	}
	if equality.Semantic.DeepEqual(d.Status, plan.Status) {
		return nil
	}
	ctx = trace.Because(ctx, "%d of %d pods up to date, %d available",
		plan.Status.UpdatedReplicas, *d.Spec.Replicas, plan.Status.AvailableReplicas)
	changed := d.DeepCopy()
	changed.Status = plan.Status
	if _, err := api.UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("report on %s: %w", d.Name, err)
	}
	return nil
}
