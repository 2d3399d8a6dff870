//go:build linux

package services

import (
	"fmt"
	"os"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

const many = 10_000

// crowded is a loader that sees many services of two endpoints each, and a real kernel.
func crowded(b *testing.B) *loader {
	b.Helper()
	if os.Geteuid() != 0 {
		b.Skip("needs root: loads nftables rules")
	}
	recorder, err := trace.NewRecorder("proxy", "node-1", "")
	if err != nil {
		b.Fatal(err)
	}
	client := operator.NewClient(fake.NewClientset(), recorder, "proxy")
	nft, err := knftables.New(knftables.IPv4Family, TableName)
	if err != nil {
		b.Fatal(err)
	}
	proxy, err := NewProxy(client, nft, "node-1", ranges)
	if err != nil {
		b.Fatal(err)
	}
	services := client.Watches.Core().V1().Services().Informer().GetIndexer()
	for i := range many {
		s := web()
		s.Name, s.Spec.ClusterIP = fmt.Sprintf("web-%d", i), AddressAt(DefaultRange, 300+i).String()
		if err := services.Add(s); err != nil {
			b.Fatal(err)
		}
		proxy.loader.setEndpoints(b, i, 2*i, 2*i+1)
	}
	return proxy.loader
}

// setEndpoints changes what the proxy sees behind a service.
func (l *loader) setEndpoints(b *testing.B, service int, endpoints ...int) {
	b.Helper()
	s := web()
	s.Name = fmt.Sprintf("web-%d", service)
	slice := behind(s)[0]
	for _, n := range endpoints {
		slice.Endpoints = append(slice.Endpoints, at(fmt.Sprintf("10.244.%d.%d", n/250%256, 2+n%250), "node-2", "ready"))
	}
	if err := l.slices.Update(slice); err != nil {
		b.Fatal(err)
	}
}

func (l *loader) mustLoad(b *testing.B, services ...int) {
	b.Helper()
	var keys []operator.Key
	for _, n := range services {
		keys = append(keys, operator.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", n)})
	}
	if failed := l.load(b.Context(), keys); len(failed) > 0 {
		b.Fatal(failed)
	}
}

func BenchmarkLoadTenThousandServices(b *testing.B) {
	loader := crowded(b)
	for b.Loop() {
		loader.rules.Forget()
		loader.mustLoad(b)
	}
}

func BenchmarkUpdateOneOfTenThousandServices(b *testing.B) {
	loader := crowded(b)
	loader.mustLoad(b)
	other := 0
	for b.Loop() {
		other++
		loader.setEndpoints(b, 4711, 9422, other%2)
		loader.mustLoad(b, 4711)
	}
}

func BenchmarkUpdateAHundredOfTenThousandServicesAtOnce(b *testing.B) {
	loader := crowded(b)
	loader.mustLoad(b)
	other := 0
	for b.Loop() {
		other++
		var changed []int
		for n := range 100 {
			loader.setEndpoints(b, n, 2*n, 2*n+1+other%2)
			changed = append(changed, n)
		}
		loader.mustLoad(b, changed...)
	}
}
