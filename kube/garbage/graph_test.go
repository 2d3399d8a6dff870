package garbage

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// family is a graph of an owner and two children, one of which has another owner, too.
func family() (g *graph, owner, only, shared Object) {
	owner = Object{UID: "owner", Namespace: "shop"}
	only = Object{UID: "only", Namespace: "shop", Owners: []metav1.OwnerReference{{UID: "owner"}}}
	shared = Object{UID: "shared", Namespace: "shop", Owners: []metav1.OwnerReference{{UID: "owner"}, {UID: "other"}}}
	g = newGraph()
	for _, o := range []Object{owner, only, shared} {
		g.put(o)
	}
	return g, owner, only, shared
}

func expect(t *testing.T, got []types.UID, want ...types.UID) {
	t.Helper()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("concerned (-want +got):\n%s", diff)
	}
}

func TestADeletedOwnerConcernsItsChildren(t *testing.T) {
	g, owner, _, _ := family()
	expect(t, g.drop(owner.UID), "only", "shared")
}

func TestAnOwnerThatWaitsConcernsItsChildrenAndTheyConcernIt(t *testing.T) {
	g, owner, only, shared := family()
	owner.Deleting, owner.Finalizers = true, []string{metav1.FinalizerDeleteDependents}
	expect(t, g.put(owner), "only", "owner", "shared")
	expect(t, g.drop(only.UID), "owner")
	shared.Owners = shared.Owners[1:]
	expect(t, g.put(shared), "owner", "shared")
	if left := g.dependentsOf("owner"); len(left) > 0 {
		t.Errorf("dependents left: %v", left)
	}
}

func TestAChangeThatTouchesNoTieConcernsNobody(t *testing.T) {
	g, _, only, _ := family()
	only.Revision = "2"
	if got := g.put(only); got != nil {
		t.Errorf("concerned: %v", got)
	}
	if now, _ := g.get("only"); now.Revision != "2" {
		t.Errorf("the graph still knows revision %q", now.Revision)
	}
}

func TestANamespaceContainsWhatIsThere(t *testing.T) {
	g, owner, _, _ := family()
	g.put(Object{UID: "node"})
	g.drop(owner.UID)
	if got := len(g.in("shop")); got != 2 {
		t.Errorf("%d objects in the namespace", got)
	}
	if got := len(g.in("")); got != 0 {
		t.Errorf("%d objects in no namespace", got)
	}
}

func TestNothingIsKnownOfAKindThatIsNotWatchedAnyMore(t *testing.T) {
	g, _, _, _ := family()
	g.put(Object{UID: "custom", Namespace: "shop", Resource: schema.GroupVersionResource{Resource: "widgets"}})
	g.forget(schema.GroupVersionResource{Resource: "widgets"})
	if _, known := g.get("custom"); known || g.isGone("custom") || len(g.in("shop")) != 3 {
		t.Errorf("known %v, gone %v, in the namespace %v", known, g.isGone("custom"), g.in("shop"))
	}
}
