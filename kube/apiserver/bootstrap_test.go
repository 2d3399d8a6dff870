package apiserver_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An earlier life of the host had another address: its slice is there, and leads nowhere.
func TestTheSliceOfTheKubernetesServiceFollowsTheServersAddress(t *testing.T) {
	server := start(t)
	slices := server.Admin().DiscoveryV1().EndpointSlices("default")
	address := func() string {
		slice, err := slices.Get(t.Context(), "kubernetes-test", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return slice.Endpoints[0].Addresses[0]
	}
	own := address()
	old, err := slices.Get(t.Context(), "kubernetes-test", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	old.Endpoints[0].Addresses = []string{"192.0.2.99"}
	if _, err := slices.Update(t.Context(), old, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	waitFor(t, "the server's address "+own, func() bool { return address() == own })
}

func TestWhatOthersWriteBesideTheServersAddressStays(t *testing.T) {
	server := start(t)
	slices := server.Admin().DiscoveryV1().EndpointSlices("default")
	slice, err := slices.Get(t.Context(), "kubernetes-test", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	slice.Endpoints[0].Addresses = []string{"192.0.2.99"}
	slice.Labels["team"], slice.Annotations, slice.Finalizers = "a", map[string]string{"note": "b"}, []string{"example.com/c"}
	if _, err := slices.Update(t.Context(), slice, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server to put its address right", func() bool {
		slice, err = slices.Get(t.Context(), "kubernetes-test", metav1.GetOptions{})
		return err == nil && slice.Endpoints[0].Addresses[0] != "192.0.2.99"
	})
	if slice.Labels["team"] != "a" || slice.Labels["kubernetes.io/service-name"] != "kubernetes" || slice.Annotations["note"] != "b" || len(slice.Finalizers) != 1 {
		t.Errorf("there is %+v", slice.ObjectMeta)
	}
}
