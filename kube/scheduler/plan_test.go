package scheduler

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestEveryNodeSaysWhyItCannotTakeThePod(t *testing.T) {
	c := cluster(
		node("full", having(corev1.ResourceCPU, "1")), on(pod("greedy", asking("900m", "1Gi")), "full"),
		node("control-1", tainted("node-role.kubernetes.io/control-plane", "", corev1.TaintEffectNoSchedule)),
		node("control-2", tainted("node-role.kubernetes.io/control-plane", "", corev1.TaintEffectNoSchedule)),
		node("resting", cordoned),
	)
	says(t, "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, "+
		"2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.", refused(t, pod("new", asking("200m", "1Gi")), c))
}

func TestWithoutNodesThereIsNothingToSayAboutThem(t *testing.T) {
	says(t, "no nodes available to schedule pods", refused(t, pod("new"), NewCluster()))
}

func TestANodeNamesAllThatItHasTooLittleOf(t *testing.T) {
	c := cluster(node("small", having(corev1.ResourcePods, "1")), on(pod("old"), "small"))
	says(t, "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods.",
		refused(t, pod("new", asking("5", "9Gi")), c))
	says(t, "0/1 nodes are available: 1 Too many pods.", refused(t, pod("asks for nothing"), c))
	says(t, "0/1 nodes are available: 1 Insufficient example.com/gpu.",
		refused(t, pod("new", askingFor("example.com/gpu", "1")), cluster(node("plain"))))
}

func TestRequestsCountAndNotWhatIsUsed(t *testing.T) {
	c := cluster(node("a"), on(pod("idle", asking("4", "1Gi")), "a"))
	says(t, "0/1 nodes are available: 1 Insufficient cpu.", refused(t, pod("new", asking("1m", "1Mi")), c))
	goesTo(t, "a", pod("asks for nothing"), c)
}

func TestANodeThatShrankBelowWhatItGaveStillTakesWhoAsksForNothingOfThat(t *testing.T) {
	c := cluster(node("a"), node("b", having(corev1.ResourceMemory, "0")), on(pod("old", asking("4", "1Gi")), "a"))
	c.SetNode(node("a", having(corev1.ResourceCPU, "2")))
	goesTo(t, "a", pod("new", askingFor(corev1.ResourceMemory, "1Gi")), c)
	c.SetNode(node("a", having(corev1.ResourceMemory, "0"), having(corev1.ResourceCPU, "0")))
	if d := Plan(pod("asks for nothing"), c); d.Node == "" {
		t.Error(d.Message())
	}
}

func TestAPodThatTakesTheLastOfANodeFits(t *testing.T) {
	c := cluster(node("a"), on(pod("old", asking("3", "6Gi")), "a"))
	goesTo(t, "a", pod("new", asking("1", "2Gi")), c)
	refused(t, pod("new", asking("1001m", "2Gi")), c)
}

func TestATaintKeepsOutWhoDoesNotTolerateIt(t *testing.T) {
	c := cluster(node("gpu", tainted("gpu", "yes", corev1.TaintEffectNoSchedule)))
	says(t, "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.", refused(t, pod("plain"), c))
	goesTo(t, "gpu", pod("learner", tolerating("gpu")), c)
	refused(t, pod("another", tolerating("disk")), c)
}

func TestATaintThatOnlyPrefersIsAvoidedAndNotObeyed(t *testing.T) {
	shy := node("shy", tainted("shy", "", corev1.TaintEffectPreferNoSchedule))
	goesTo(t, "shy", pod("new"), cluster(shy))
	c := cluster(shy, node("open"), on(pod("old", asking("1", "2Gi")), "open"))
	goesTo(t, "open", pod("new"), c)
	goesTo(t, "shy", pod("bold", tolerating("shy")), c)
}

func TestACordonedNodeTakesOnlyPodsThatTolerateIt(t *testing.T) {
	c := cluster(node("resting", cordoned))
	refused(t, pod("new"), c)
	goesTo(t, "resting", pod("agent", tolerating(corev1.TaintNodeUnschedulable)), c)
}

func TestAPodGoesOnlyWhereItsSelectorPoints(t *testing.T) {
	c := cluster(node("a"), node("b", labelled("disk", "ssd")))
	fast := func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"disk": "ssd"} }
	goesTo(t, "b", pod("new", fast), c)
	c.RemoveNode("b")
	says(t, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", refused(t, pod("new", fast), c))
}

func TestADaemonSetsPodNamesItsNodeByAffinity(t *testing.T) {
	onlyC := func(p *corev1.Pod) {
		affinity(p).NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
				{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"c"}},
			}}},
		}
	}
	goesTo(t, "c", pod("agent", onlyC), cluster(node("a"), node("b"), node("c")))
}

func TestAPreferredNodeWinsIfNothingElseDiffers(t *testing.T) {
	rather := func(p *corev1.Pod) {
		affinity(p).NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.PreferredSchedulingTerm{{
			Weight: 10, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}},
			}},
		}}
	}
	goesTo(t, "b", pod("new", rather), cluster(node("a", labelled("zone", "a")), node("b", labelled("zone", "b")), node("c")))
}

func TestAPortOfTheNodeBelongsToOnePod(t *testing.T) {
	c := cluster(node("a"), on(pod("old", hostPortOf(80, "127.0.0.1")), "a"))
	says(t, "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
		refused(t, pod("on all addresses", hostPortOf(80, "")), c))
	goesTo(t, "a", pod("on another address", hostPortOf(80, "10.0.0.1")), c)
	goesTo(t, "a", pod("on another port", hostPortOf(81, "")), c)
	goesTo(t, "a", pod("of another protocol", hostPortOf(80, ""), func(p *corev1.Pod) {
		p.Spec.Containers[0].Ports[0].Protocol = corev1.ProtocolUDP
	}), c)
	refused(t, pod("on one address", hostPortOf(80, "10.0.0.1")), cluster(node("a"), on(pod("on all", hostPortOf(80, "")), "a")))
	c.RemovePod("old")
	goesTo(t, "a", pod("on all addresses", hostPortOf(80, "")), c)
}

func TestTheEmptierNodeWins(t *testing.T) {
	c := cluster(node("a"), node("b"), on(pod("old", asking("2", "4Gi")), "a"))
	goesTo(t, "b", pod("new", asking("1", "2Gi")), c)
}

func TestPodsThatAskForNothingStillFillANode(t *testing.T) {
	goesTo(t, "b", pod("new"), cluster(node("a"), node("b"), on(pod("1"), "a"), on(pod("2"), "a"), on(pod("3"), "b")))
}

func TestWhoAsksForOneThingOnlyCountsAsSomethingOfTheOther(t *testing.T) {
	for _, asks := range []func(*corev1.Pod){askingFor(corev1.ResourceMemory, "200Mi"), askingFor(corev1.ResourceCPU, "100m")} {
		c := cluster(node("a"), node("b"), on(pod("large", asking("3600m", "7300Mi")), "b"))
		for i := range 32 { // 80 % of one thing, and a guess that it is as much of the other: not lopsided
			c.AddPod(on(pod(fmt.Sprint("small-", i), asks), "a"))
		}
		goesTo(t, "a", pod("new"), c)
	}
}

func TestANodeWithoutMemoryLeftIsNoBargainForItsCPU(t *testing.T) {
	c := cluster(node("lopsided"), node("even"),
		on(pod("1", asking("1", "7Gi")), "lopsided"), on(pod("2", asking("2", "4500Mi")), "even"))
	goesTo(t, "even", pod("new", asking("500m", "500Mi")), c)
}

func TestPodsOfOneOwnerLandOnDifferentNodes(t *testing.T) {
	c := cluster(node("a"), node("b"), node("c"))
	perNode := map[string]int{}
	for i := range 9 {
		p := pod(fmt.Sprintf("web-%d", i), ownedBy("web"))
		d := Plan(p, c)
		perNode[d.Node]++
		c.AddPod(on(p, d.Node))
	}
	if diff := cmp.Diff(map[string]int{"a": 3, "b": 3, "c": 3}, perNode); diff != "" {
		t.Errorf("pods per node (-want +got):\n%s", diff)
	}
}

func TestSiblingsStayApartEvenIfTheirNodeIsTheEmptierOne(t *testing.T) {
	c := cluster(node("a"), node("b"), on(pod("web-1", asking("100m", "100Mi"), ownedBy("web")), "a"), on(pod("db", asking("1", "2Gi")), "b"))
	goesTo(t, "b", pod("web-2", asking("100m", "100Mi"), ownedBy("web")), c)
	goesTo(t, "a", pod("mail", asking("100m", "100Mi"), ownedBy("mail")), c)
}

func TestOneMoreAmongManySiblingsWeighsLittle(t *testing.T) {
	c := cluster(node("a"), node("b"), on(pod("db", asking("2", "4Gi")), "b"))
	for i := range 39 {
		c.AddPod(on(pod(fmt.Sprint("web-", i), asking("1m", "1Mi"), ownedBy("web")), []string{"a", "b"}[i%2]))
	}
	goesTo(t, "a", pod("new", asking("1m", "1Mi"), ownedBy("web")), c)
}

func TestAmongEqualNodesThePodsUIDDecidesAlwaysTheSame(t *testing.T) {
	c := cluster(node("a"), node("b"), node("c"), node("d"))
	chosen := map[string]bool{}
	for i := range 40 {
		p := pod(fmt.Sprintf("web-%d", i))
		d := Plan(p, c)
		chosen[d.Node] = true
		goesTo(t, d.Node, p, c)
	}
	if len(chosen) != 4 {
		t.Errorf("of four equal nodes only %v are ever chosen", chosen)
	}
}

func TestADecisionCanSayWhyThisNode(t *testing.T) {
	c := cluster(node("a"), node("b", cordoned))
	says(t, "a is the only one of 2 nodes that fits", Plan(pod("new"), c).Reason())
	c = cluster(node("a"), node("b"), node("c", cordoned), on(pod("old", asking("2", "4Gi")), "a"))
	says(t, "2 of 3 nodes fit, b is best: free resources 63, balanced resources 75", Plan(pod("new", asking("2", "2Gi")), c).Reason())
}

func TestOnlyWhatARuleLooksAtIsAChangeOfANode(t *testing.T) {
	c := cluster(node("a"))
	beats := node("a")
	beats.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if c.SetNode(beats) {
		t.Error("a heartbeat counts as a change")
	}
	for what, changed := range map[string]*corev1.Node{
		"cordon": node("a", cordoned), "label": node("a", labelled("disk", "ssd")), "size": node("a", having(corev1.ResourceCPU, "8")),
		"taint": node("a", tainted("gpu", "", corev1.TaintEffectNoSchedule)),
	} {
		if !cluster(node("a")).SetNode(changed) {
			t.Errorf("a new %s does not count as a change", what)
		}
	}
}

func TestWhatAPodTookIsFreeWhenItIsGone(t *testing.T) {
	c := cluster(node("a"))
	old := on(pod("old", asking("4", "8Gi"), ownedBy("web"), hostPortOf(80, "")), "a")
	for range 3 {
		c.AddPod(old)
		c.AddPod(old) // seen twice, counted once
		c.RemovePod("old")
	}
	goesTo(t, "a", pod("new", asking("4", "8Gi"), hostPortOf(80, "")), c)
	if left := c.byName["a"]; len(left.siblings)+len(left.ports)+left.pods != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func TestAPodMayBeKnownBeforeItsNode(t *testing.T) {
	c := cluster(on(pod("early", asking("4", "1Gi")), "a"), node("a"))
	says(t, "0/1 nodes are available: 1 Insufficient cpu.", refused(t, pod("new", asking("1", "1Gi")), c))
}
