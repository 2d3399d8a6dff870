package dns

import (
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
)

// The indexes of the watches.
const (
	byAddress = "address"
	byService = "service"
)

// view is the cluster as the watches see it. A cache does not fail, so their errors are not told.
type view struct{ services, slices cache.Indexer }

// watchCluster asks for the watches. The caller starts them.
func watchCluster(client *operator.Client) (view, error) {
	services := client.Watches.Core().V1().Services().Informer()
	endpoints := client.Watches.Discovery().V1().EndpointSlices().Informer()
	err := errors.Join(
		services.AddIndexers(cache.Indexers{byAddress: func(obj any) ([]string, error) {
			return []string{obj.(*corev1.Service).Spec.ClusterIP}, nil
		}}),
		endpoints.AddIndexers(cache.Indexers{byService: serviceOf, byAddress: addressesOf}),
	)
	if err != nil {
		return view{}, fmt.Errorf("index services and endpoint slices: %w", err)
	}
	return view{services: services.GetIndexer(), slices: endpoints.GetIndexer()}, nil
}

func serviceOf(obj any) ([]string, error) {
	slice := obj.(*discoveryv1.EndpointSlice)
	return []string{slice.Namespace + "/" + slice.Labels[discoveryv1.LabelServiceName]}, nil
}

func addressesOf(obj any) ([]string, error) {
	var all []string
	for _, endpoint := range obj.(*discoveryv1.EndpointSlice).Endpoints {
		all = append(all, endpoint.Addresses...)
	}
	return all, nil
}

func (v view) Service(namespace, name string) *corev1.Service {
	obj, found, _ := v.services.GetByKey(namespace + "/" + name)
	if !found {
		return nil
	}
	return obj.(*corev1.Service)
}

func (v view) ServiceAt(ip netip.Addr) *corev1.Service {
	found, _ := v.services.ByIndex(byAddress, ip.String())
	if len(found) == 0 {
		return nil
	}
	return found[0].(*corev1.Service)
}

func (v view) HasServices(namespace string) bool {
	found, _ := v.services.IndexKeys(cache.NamespaceIndex, namespace)
	return len(found) > 0
}

func (v view) Slices(namespace, name string) []*discoveryv1.EndpointSlice {
	return v.slicesBy(byService, namespace+"/"+name)
}

func (v view) SlicesWith(ip netip.Addr) []*discoveryv1.EndpointSlice {
	return v.slicesBy(byAddress, ip.String())
}

func (v view) slicesBy(index, value string) []*discoveryv1.EndpointSlice {
	found, _ := v.slices.ByIndex(index, value)
	slices := make([]*discoveryv1.EndpointSlice, len(found))
	for i, obj := range found {
		slices[i] = obj.(*discoveryv1.EndpointSlice)
	}
	return slices
}
