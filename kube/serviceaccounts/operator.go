package serviceaccounts

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// keeper keeps in each namespace what belongs there.
type keeper struct {
	client     *operator.Client
	authority  string
	namespaces corelisters.NamespaceLister
	accounts   corelisters.ServiceAccountLister
	configMaps corelisters.ConfigMapLister
}

// New makes the loop; authority is the certificate in PEM that the API server's own is signed with. The caller runs
// client.Sync, then the loop.
func New(client *operator.Client, authority []byte) (*operator.Loop, error) {
	if len(authority) == 0 {
		return nil, errors.New("the certificate of the cluster's authority is empty: give the components' kubeconfig one")
	}
	watches := client.Watches.Core().V1()
	k := &keeper{
		client: client, authority: string(authority),
		namespaces: watches.Namespaces().Lister(), accounts: watches.ServiceAccounts().Lister(), configMaps: watches.ConfigMaps().Lister(),
	}
	loop := operator.NewLoop(Loops[0], 2, client, k.reconcile)
	if err := operator.Follow(loop, watches.Namespaces().Informer(), operator.Self[*corev1.Namespace]); err != nil {
		return nil, err
	}
	if err := operator.Follow(loop, watches.ServiceAccounts().Informer(), namespaceOf[*corev1.ServiceAccount](Default)); err != nil {
		return nil, err
	}
	return loop, operator.Follow(loop, watches.ConfigMaps().Informer(), namespaceOf[*corev1.ConfigMap](RootCA))
}

// namespaceOf is the key of an object's namespace, if the object has the given name.
func namespaceOf[T metav1.Object](name string) func(T) []operator.Key {
	return func(o T) []operator.Key {
		if o.GetName() != name {
			return nil
		}
		return []operator.Key{{Name: o.GetNamespace()}}
	}
}

func (k *keeper) reconcile(ctx context.Context, key operator.Key) error {
	namespace, err := k.namespaces.Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var have Observed
	if have.Account, err = k.accounts.ServiceAccounts(key.Name).Get(Default); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if have.RootCA, err = k.configMaps.ConfigMaps(key.Name).Get(RootCA); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return k.act(ctx, key.Name, Plan(namespace, have, k.authority))
}

// act carries a decision out. An object that is there already was made by another, or has not been seen yet: the
// watch will show it.
func (k *keeper) act(ctx context.Context, namespace string, d Decision) error {
	api := k.client.CoreV1()
	var failed []error
	try := func(what string, write func() error) {
		if err := write(); err != nil && !apierrors.IsAlreadyExists(err) {
			failed = append(failed, fmt.Errorf("%s in namespace %s: %w", what, namespace, err))
		}
	}
	if d.CreateAccount != nil {
		try("create service account "+Default, func() error {
			ctx := trace.Because(ctx, "namespace %s has no account %s", namespace, Default)
			_, err := api.ServiceAccounts(namespace).Create(ctx, d.CreateAccount, metav1.CreateOptions{})
			return err
		})
	}
	if d.CreateRootCA != nil {
		try("create config map "+RootCA, func() error {
			ctx := trace.Because(ctx, "namespace %s lacks the certificate of the authority", namespace)
			_, err := api.ConfigMaps(namespace).Create(ctx, d.CreateRootCA, metav1.CreateOptions{})
			return err
		})
	}
	if d.UpdateRootCA != nil {
		try("update config map "+RootCA, func() error {
			ctx := trace.Because(ctx, "its certificate is not the authority's")
			_, err := api.ConfigMaps(namespace).Update(ctx, d.UpdateRootCA, metav1.UpdateOptions{})
			return err
		})
	}
	return errors.Join(failed...)
}
