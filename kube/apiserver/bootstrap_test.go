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
