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

// crowded is a proxy that sees many services of two endpoints each, and a real kernel.
func crowded(b *testing.B) *Proxy {
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
	proxy, err := NewProxy(client, nft, "node-1", podRange)
	if err != nil {
		b.Fatal(err)
	}
	services := client.Watches.Core().V1().Services().Informer().GetIndexer()
	for i := range many {
		s := web()
		s.Name, s.Spec.ClusterIP = fmt.Sprintf("web-%d", i), addressAt(300+i).String()
		if err := services.Add(s); err != nil {
			b.Fatal(err)
		}
		proxy.setEndpoints(b, i, 2*i, 2*i+1)
	}
	return proxy
}

// setEndpoints changes what the proxy sees behind a service.
func (p *Proxy) setEndpoints(b *testing.B, service int, endpoints ...int) {
	b.Helper()
	s := web()
	s.Name = fmt.Sprintf("web-%d", service)
	slice := behind(s)[0]
	for _, n := range endpoints {
		slice.Endpoints = append(slice.Endpoints, at(fmt.Sprintf("10.244.%d.%d", n/250%256, 2+n%250), "node-2", "ready"))
	}
	if err := p.slices.Update(slice); err != nil {
		b.Fatal(err)
	}
}

func (p *Proxy) mustLoad(b *testing.B, services ...int) {
	b.Helper()
	var batch []request
	for _, n := range services {
		batch = append(batch, request{key: operator.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", n)}})
	}
	if err := p.load(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoadTenThousandServices(b *testing.B) {
	proxy := crowded(b)
	for b.Loop() {
		proxy.table = nil
		proxy.mustLoad(b)
	}
}

func BenchmarkUpdateOneOfTenThousandServices(b *testing.B) {
	proxy := crowded(b)
	proxy.mustLoad(b)
	other := 0
	for b.Loop() {
		other++
		proxy.setEndpoints(b, 4711, 9422, other%2)
		proxy.mustLoad(b, 4711)
	}
}

func BenchmarkUpdateAHundredOfTenThousandServicesAtOnce(b *testing.B) {
	proxy := crowded(b)
	proxy.mustLoad(b)
	other := 0
	for b.Loop() {
		other++
		var changed []int
		for n := range 100 {
			proxy.setEndpoints(b, n, 2*n, 2*n+1+other%2)
			changed = append(changed, n)
		}
		proxy.mustLoad(b, changed...)
	}
}
