package services

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/rules"
)

var webKey = types.NamespacedName{Namespace: "shop", Name: "web"}

// replace puts frontends into the table and returns what that changes.
func replace(t *rules.Table[types.NamespacedName], key types.NamespacedName, frontends []Frontend) rules.Changes {
	changes := rules.NoChanges()
	t.Put(key, rowsOf(frontends), changes)
	return changes
}

func webWith(endpoints ...discoveryv1.Endpoint) []Frontend {
	s := web()
	return PlanFrontends(s, behind(s, endpoints...), thisNode)
}

func TestAnEndpointsChangeCostsOnlyItsRows(t *testing.T) {
	table := rules.NewTable[types.NamespacedName]()
	replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready"), at("10.244.2.6", "node-2", "ready")))
	got := replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready"), at("10.244.2.9", "node-2", "ready")))
	second := rules.Row{In: "tcp-endpoints", Key: "10.96.3.7 . 80 . 1"}
	check(t, "changes", got, rules.Changes{
		Delete: rules.Rows{second: "10.244.2.6 . 8080"},
		Add:    rules.Rows{second: "10.244.2.9 . 8080"},
	})
}

func TestAThirdEndpointMakesTheServicePickOneOfThree(t *testing.T) {
	table := rules.NewTable[types.NamespacedName]()
	one, two, three := at("10.244.2.5", "node-2", "ready"), at("10.244.2.6", "node-2", "ready"), at("10.244.2.7", "node-2", "ready")
	replace(table, webKey, webWith(one, two))
	_, pick2 := picker("tcp", 2, false)
	_, pick3 := picker("tcp", 3, false)
	service := rules.Row{In: servicesMap, Key: "10.96.3.7 . tcp . 80"}
	check(t, "changes", replace(table, webKey, webWith(one, two, three)), rules.Changes{
		Delete: rules.Rows{service: "goto tcp-pick-2", {In: rules.Chains, Key: "tcp-pick-2"}: pick2},
		Add: rules.Rows{
			service: "goto tcp-pick-3", {In: rules.Chains, Key: "tcp-pick-3"}: pick3,
			{In: "tcp-endpoints", Key: "10.96.3.7 . 80 . 2"}: "10.244.2.7 . 8080",
		},
	})
}

func TestWhatIsTheSameCostsNothing(t *testing.T) {
	table := rules.NewTable[types.NamespacedName]()
	frontends := webWith(at("10.244.2.5", "node-2", "ready"))
	replace(table, webKey, frontends)
	check(t, "changes", replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready"))), rules.NoChanges())
}

func TestTwoServicesMayShareAPodAndLetGoOfItOneByOne(t *testing.T) {
	table, other := rules.NewTable[types.NamespacedName](), types.NamespacedName{Namespace: "shop", Name: "web-too"}
	frontends := webWith(at("10.244.1.5", "node-1", "ready"))
	replace(table, webKey, frontends)
	again := PlanFrontends(web(nodePort), behind(web(), at("10.244.1.5", "node-1", "ready")), thisNode)[1:]
	replace(table, other, again)

	hairpin := rules.Row{In: hairpinSet, Key: "10.244.1.5 . 10.244.1.5"}
	if _, gone := replace(table, webKey, nil).Delete[hairpin]; gone {
		t.Error("the pod lost its hairpin row while another service leads to it")
	}
	if _, gone := replace(table, other, nil).Delete[hairpin]; !gone {
		t.Error("the hairpin row stayed behind when no service leads to the pod")
	}
	check(t, "rows left", table.Len(), 0)
}

func TestAnAddressCanGoFromOneServiceToAnotherInOneStep(t *testing.T) {
	table, heir := rules.NewTable[types.NamespacedName](), types.NamespacedName{Namespace: "shop", Name: "heir"}
	replace(table, webKey, webWith(at("10.244.2.5", "node-2", "ready")))
	changes := rules.NoChanges()
	table.Put(webKey, nil, changes)
	table.Put(heir, rowsOf(webWith(at("10.244.2.6", "node-2", "ready"))), changes)
	first := rules.Row{In: "tcp-endpoints", Key: "10.96.3.7 . 80 . 0"}
	check(t, "changes", changes, rules.Changes{
		Delete: rules.Rows{first: "10.244.2.5 . 8080"}, Add: rules.Rows{first: "10.244.2.6 . 8080"},
	})
}

// However it came about, the table is the same as one that is loaded at once.
func TestTheTableDependsOnTheServicesAndNotOnTheirHistory(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table, kernel := rules.NewTable[types.NamespacedName](), rules.Rows{}
	now := map[types.NamespacedName][]Frontend{}
	for range 2000 {
		changes := rules.NoChanges()
		for range 1 + random.IntN(4) {
			n := random.IntN(6)
			key := types.NamespacedName{Namespace: "shop", Name: fmt.Sprint(n)}
			s := web(nodePort)
			s.Spec.ClusterIP, s.Spec.Ports[0].NodePort = fmt.Sprintf("10.96.3.%d", n), int32(30000+n)
			var endpoints []discoveryv1.Endpoint
			for range random.IntN(4) {
				i := random.IntN(5)
				endpoints = append(endpoints, at(fmt.Sprintf("10.244.1.%d", i), fmt.Sprintf("node-%d", 1+i%2), "ready"))
			}
			now[key] = PlanFrontends(s, behind(s, endpoints...), thisNode)
			table.Put(key, rowsOf(now[key]), changes)
		}
		apply(t, kernel, changes)
	}
	want := rules.Rows{}
	for _, frontends := range now {
		maps.Copy(want, rowsOf(frontends))
	}
	check(t, "rows", kernel, want)
}

// apply does what the kernel does, and is as strict.
func apply(t *testing.T, kernel rules.Rows, changes rules.Changes) {
	t.Helper()
	for row := range changes.Delete {
		if _, there := kernel[row]; !there {
			t.Fatalf("%v is deleted but is not there", row)
		}
		delete(kernel, row)
	}
	for row, value := range changes.Add {
		if _, there := kernel[row]; there {
			t.Fatalf("%v is added but is there already", row)
		}
		kernel[row] = value
	}
}
