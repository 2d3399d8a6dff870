package scheduler

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func inZone(name, zone string) *corev1.Node { return node(name, labelled("zone", zone)) }

func ofApp(name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Labels = map[string]string{"app": name} }
}

func in(namespace string) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Namespace = namespace } }

func TestAffinityKeepsPodsInOneZone(t *testing.T) {
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), inZone("b2", "b"), on(pod("cache"), "b1"), on(pod("load", asking("3", "6Gi")), "b2"))
	c.RemovePod("load")
	c.AddPod(on(pod("load", asking("3", "6Gi"), ofApp("db")), "b1"))
	goesTo(t, "b2", pod("new", near("zone")), c)
	says(t, "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
		refused(t, pod("new", near("zone")), cluster(node("nowhere"), on(pod("cache"), "nowhere"))))
}

func TestTheFirstOfPodsThatWantToBeTogetherFindsNobodyAndGoesAnywhere(t *testing.T) {
	goesTo(t, "a1", pod("first", near("zone")), cluster(inZone("a1", "a")))
	stranger := pod("stranger", near("zone"), ofApp("db")) // wants to be near web, and is not web itself
	says(t, "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.", refused(t, stranger, cluster(inZone("a1", "a"))))
}

func TestAntiAffinityKeepsPodsApart(t *testing.T) {
	c := cluster(node("a"), node("b"))
	for i, want := range []string{"", "", "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules."} {
		p := pod(fmt.Sprint("web-", i), awayFrom(corev1.LabelHostname))
		d := Plan(p, c)
		if want != "" {
			says(t, want, d.Message())
			continue
		}
		c.AddPod(on(p, d.Node))
	}
	says(t, "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
		refused(t, pod("loner", awayFrom(corev1.LabelHostname), ofApp("other")), cluster(node("a"), node("b"), on(pod("1"), "a"), on(pod("2"), "b"))))
}

func TestAPodThatCannotStandOthersKeepsThemOutOfItsZone(t *testing.T) {
	c := cluster(inZone("a1", "a"), inZone("a2", "a"), inZone("b1", "b"), on(pod("hermit", awayFrom("zone"), ofApp("db")), "a1"))
	goesTo(t, "b1", pod("new"), c)
	c.RemovePod("hermit")
	c.AddPod(on(pod("busy", asking("3", "6Gi")), "b1"))
	if d := Plan(pod("new"), c); d.Node == "b1" {
		t.Error("the hermit is gone, and its zone is still closed")
	}
}

func TestATermMeansPodsOfItsOwnNamespaceUnlessItNamesOthers(t *testing.T) {
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("theirs", in("bank")), "b1"), on(pod("busy", asking("3", "6Gi"), ofApp("db")), "b1"))
	goesTo(t, "a1", pod("new", near("zone")), c)
	named := func(p *corev1.Pod) {
		affinity(p).PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].Namespaces = []string{"bank"}
	}
	goesTo(t, "b1", pod("new", near("zone"), named), c)
	labelled := func(p *corev1.Pod) {
		affinity(p).PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"trust": "yes"}}
	}
	refused(t, pod("new", near("zone"), labelled, ofApp("other")), c)
	c.SetNamespace("bank", labels.Set{"trust": "yes"})
	goesTo(t, "b1", pod("new", near("zone"), labelled), c)
}

func TestPreferredCompanyAttractsAndRepels(t *testing.T) {
	rather := func(weight int32, list *[]corev1.WeightedPodAffinityTerm) {
		*list = append(*list, corev1.WeightedPodAffinityTerm{Weight: weight, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "zone", LabelSelector: app}})
	}
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("cache"), "b1"), on(pod("other", ofApp("db")), "a1"))
	goesTo(t, "b1", pod("new", func(p *corev1.Pod) {
		rather(10, &affinity(p).PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
	}), c)
	goesTo(t, "a1", pod("new", func(p *corev1.Pod) {
		rather(10, &affinity(p).PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
	}), c)
}

// place puts n pods one after another and counts them by zone.
func place(t *testing.T, c *Cluster, n int, changes ...func(*corev1.Pod)) map[string]int {
	t.Helper()
	perZone := map[string]int{}
	for i := range n {
		p := pod(fmt.Sprintf("web-%d", i), changes...)
		d := Plan(p, c)
		if d.Node == "" {
			t.Fatalf("%s: %s", p.Name, d.Message())
		}
		perZone[c.byName[d.Node].Labels["zone"]]++
		c.AddPod(on(p, d.Node))
	}
	return perZone
}

func TestAConstraintSpreadsPodsOverZonesHoweverManyNodesTheyHave(t *testing.T) {
	zones := func() *Cluster {
		return cluster(inZone("a1", "a"), inZone("a2", "a"), inZone("a3", "a"), inZone("b1", "b"), inZone("c1", "c"))
	}
	want := map[string]int{"a": 4, "b": 4, "c": 4}
	for _, action := range []corev1.UnsatisfiableConstraintAction{corev1.DoNotSchedule, corev1.ScheduleAnyway} {
		if diff := cmp.Diff(want, place(t, zones(), 12, spreadOver("zone", 1, action))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
}

func TestAZoneThatIsAheadTakesNoMoreUntilTheOthersCatchUp(t *testing.T) {
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("1"), "a1"))
	c.SetNode(node("b1", labelled("zone", "b"), cordoned))
	says(t, "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable.",
		refused(t, pod("new", spreadOver("zone", 1, corev1.DoNotSchedule)), c))
	goesTo(t, "a1", pod("new", spreadOver("zone", 2, corev1.DoNotSchedule)), c)
	goesTo(t, "a1", pod("new", spreadOver("zone", 1, corev1.ScheduleAnyway)), c)
}

func TestANodeOutsideTheTopologyTakesNoPodThatMustBeSpread(t *testing.T) {
	says(t, "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).",
		refused(t, pod("new", spreadOver("zone", 1, corev1.DoNotSchedule)), cluster(node("nowhere"))))
}

func TestAZoneWhereThePodMayNotGoDoesNotHoldTheOthersBack(t *testing.T) {
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("1"), "a1"), on(pod("2"), "a1"), on(pod("3"), "b1"))
	onlyA := func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"zone": "a"} }
	goesTo(t, "a1", pod("new", spreadOver("zone", 1, corev1.DoNotSchedule), onlyA), c)
}

func TestAPodThatIsAboutToGoDoesNotCountForTheSpread(t *testing.T) {
	leaving := on(pod("old", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }), "a1")
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), leaving, on(pod("busy", asking("3", "6Gi"), ofApp("db")), "b1"))
	goesTo(t, "a1", pod("new", spreadOver("zone", 1, corev1.DoNotSchedule)), c)
}

func TestATaintedZoneHoldsTheOthersBackUnlessTheConstraintHonoursTaints(t *testing.T) {
	c := cluster(inZone("a1", "a"), node("b1", labelled("zone", "b"), tainted("gpu", "", corev1.TaintEffectNoSchedule)), on(pod("1"), "a1"))
	honouring := func(p *corev1.Pod) {
		p.Spec.TopologySpreadConstraints[0].NodeTaintsPolicy = new(corev1.NodeInclusionPolicyHonor)
	}
	refused(t, pod("new", spreadOver("zone", 1, corev1.DoNotSchedule)), c)
	goesTo(t, "a1", pod("new", spreadOver("zone", 1, corev1.DoNotSchedule), honouring), c)
}

func TestANodeOutsideTheTopologyIsTheLastChoiceForAPodThatShouldBeSpread(t *testing.T) {
	c := cluster(inZone("a1", "a"), node("nowhere"), on(pod("1"), "a1"), on(pod("2", asking("1", "2Gi")), "a1"))
	goesTo(t, "a1", pod("new", spreadOver("zone", 1, corev1.ScheduleAnyway)), c)
}

func TestFewerZonesThanWantedCountAsOneThatIsEmpty(t *testing.T) {
	three := func(p *corev1.Pod) { p.Spec.TopologySpreadConstraints[0].MinDomains = new(int32(3)) }
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("1"), "a1"), on(pod("2"), "b1"))
	two := func(p *corev1.Pod) { p.Spec.TopologySpreadConstraints[0].MinDomains = new(int32(2)) }
	goesTo(t, Plan(pod("new"), c).Node, pod("new", spreadOver("zone", 1, corev1.DoNotSchedule), two), c)
	refused(t, pod("new", spreadOver("zone", 1, corev1.DoNotSchedule), three), c)
}

func TestOnlyPodsOfTheSameVersionCountIfTheConstraintSaysSo(t *testing.T) {
	version := func(hash string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Labels["pod-template-hash"] = hash }
	}
	perVersion := func(p *corev1.Pod) {
		p.Spec.TopologySpreadConstraints[0].MatchLabelKeys = []string{"pod-template-hash"}
	}
	c := cluster(inZone("a1", "a"), inZone("b1", "b"), on(pod("old-1", version("1")), "a1"), on(pod("old-2", version("1")), "a1"),
		on(pod("load", asking("3", "6Gi"), ofApp("db")), "b1"))
	goesTo(t, "b1", pod("new", version("2"), spreadOver("zone", 1, corev1.DoNotSchedule)), c)
	goesTo(t, "a1", pod("new", version("2"), spreadOver("zone", 1, corev1.DoNotSchedule), perVersion), c)
}
