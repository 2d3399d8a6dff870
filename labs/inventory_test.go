package labs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatTheClusterItselfPutsIntoTheNamespaceDefaultDoesNotKeepLabsFromStarting(t *testing.T) {
	people := ofPeople([]string{
		"configmaps/default/kube-root-ca.crt", "configmaps/default/mine", "configmaps/kube-system/other", "endpointslices/default/kubernetes-x7k2p",
		"namespaces/default", "pods/default/web", "serviceaccounts/default/default", "services/default/kubernetes",
	})
	if diff := cmp.Diff([]string{"configmaps/default/mine", "pods/default/web"}, people); diff != "" {
		t.Errorf("what belongs to a person (-want +got):\n%s", diff)
	}
}
