package services

import (
	"fmt"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
)

// byService is the index of endpoint slices by the service that they name in a label.
const byService = "service"

// indexByService is the watch of endpoint slices, with the index.
func indexByService(client *operator.Client) (cache.SharedIndexInformer, error) {
	watch := client.Watches.Discovery().V1().EndpointSlices().Informer()
	if _, there := watch.GetIndexer().GetIndexers()[byService]; there {
		return watch, nil
	}
	err := watch.AddIndexers(cache.Indexers{byService: func(obj any) ([]string, error) {
		var names []string
		for _, key := range serviceOf(obj.(*discoveryv1.EndpointSlice)) {
			names = append(names, key.String())
		}
		return names, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("index endpoint slices by service: %w", err)
	}
	return watch, nil
}

// serviceOf is the key of the service that a slice belongs to.
func serviceOf(slice *discoveryv1.EndpointSlice) []operator.Key {
	name := slice.Labels[discoveryv1.LabelServiceName]
	if name == "" {
		return nil
	}
	return []operator.Key{{Namespace: slice.Namespace, Name: name}}
}

// slicesOf are the slices of a service. They belong to the cache: whoever changes one copies it first.
func slicesOf(index cache.Indexer, service operator.Key) []*discoveryv1.EndpointSlice {
	found, _ := index.ByIndex(byService, service.String()) // it fails only where there is no such index
	slices := make([]*discoveryv1.EndpointSlice, len(found))
	for i, obj := range found {
		slices[i] = obj.(*discoveryv1.EndpointSlice)
	}
	return slices
}
