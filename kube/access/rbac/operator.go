package rbac

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// gatherer keeps the rules of ClusterRoles that have an aggregationRule.
type gatherer struct {
	client *operator.Client
	roles  rbaclisters.ClusterRoleLister
}

// New makes the loop. The caller runs client.Sync, then the loop.
func New(client *operator.Client) (*operator.Loop, error) {
	watched := client.Watches.Rbac().V1().ClusterRoles()
	g := &gatherer{client: client, roles: watched.Lister()}
	loop := operator.NewLoop(Loops[0], 1, client, g.reconcile)
	return loop, operator.Follow(loop, watched.Informer(), g.concerned)
}

// concerned are the aggregated roles that a change of one role may concern: it may have lost the label by which it was selected, so that
// is all of them. There are few.
func (g *gatherer) concerned(*rbacv1.ClusterRole) []operator.Key {
	all, _ := g.roles.List(labels.Everything()) // a lister of memory does not fail
	var keys []operator.Key
	for _, role := range all {
		if role.AggregationRule != nil {
			keys = append(keys, operator.Key{Name: role.Name})
		}
	}
	return keys
}

func (g *gatherer) reconcile(ctx context.Context, key operator.Key) error {
	role, err := g.roles.Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := g.roles.List(labels.Everything())
	if err != nil || role.AggregationRule == nil || role.DeletionTimestamp != nil {
		return err
	}
	rules := Aggregate(role, all)
	if apiequality.Semantic.DeepEqual(rules, role.Rules) {
		return nil
	}
	role = role.DeepCopy()
	role.Rules = rules
	ctx = trace.Because(ctx, "the roles that it selects have %d rules", len(rules))
	_, err = g.client.RbacV1().ClusterRoles().Update(ctx, role, metav1.UpdateOptions{})
	return err
}
