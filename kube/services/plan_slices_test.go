package services

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pod makes a ready pod, changed by edits. Addresses are in the order of n.
func pod(n int, edits ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("web-%d", n), UID: types.UID(fmt.Sprintf("uid-%d", n)), Labels: map[string]string{"app": "web"},
		},
		Spec: corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: fmt.Sprintf("10.244.%d.%d", 1+n/100, 100+n%100),
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
	for _, edit := range edits {
		edit(p)
	}
	return p
}

func notReady(p *corev1.Pod)    { p.Status.Conditions[0].Status = corev1.ConditionFalse }
func terminating(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }
func finished(p *corev1.Pod)    { p.Status.Phase = corev1.PodSucceeded }
func noAddress(p *corev1.Pod)   { p.Status.PodIP = "" }

func pods(from, to int) []*corev1.Pod {
	var all []*corev1.Pod
	for n := from; n <= to; n++ {
		all = append(all, pod(n))
	}
	return all
}

// shelf plays the API server: it carries out plans.
type shelf struct {
	t      *testing.T
	slices []*discoveryv1.EndpointSlice
	names  int
}

// settle carries out the plan for the pods and returns what it wrote.
func (s *shelf) settle(service *corev1.Service, pods []*corev1.Pod) []string {
	s.t.Helper()
	writes := s.once(service, pods)
	if again := s.once(service, pods); len(again) > 0 {
		s.t.Errorf("a second look still finds something to do: %v", again)
	}
	return writes
}

func (s *shelf) once(service *corev1.Service, pods []*corev1.Pod) []string {
	writes := []string{}
	for _, action := range PlanEndpoints(service, pods, s.slices) {
		slice := action.Slice.DeepCopy()
		var kept []*discoveryv1.EndpointSlice
		for _, old := range s.slices {
			if old.Name != slice.Name {
				kept = append(kept, old)
			}
		}
		if action.Verb == CreateSlice {
			s.names++
			slice.Name = fmt.Sprintf("%s%d", slice.GenerateName, s.names)
		}
		if action.Verb != DeleteSlice {
			kept = append(kept, slice)
		}
		s.slices = kept
		writes = append(writes, fmt.Sprintf("%s %s: %d", action.Verb, slice.Name, len(slice.Endpoints)))
	}
	return writes
}

func TestAPodBecomesAnEndpointWithWhatOthersMustKnowOfIt(t *testing.T) {
	named := pod(5, func(p *corev1.Pod) { p.Spec.Hostname, p.Spec.Subdomain = "db-0", "web" })
	got := PlanEndpoints(web(), []*corev1.Pod{named}, nil)[0].Slice
	check(t, "slice", got, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "web-", Namespace: "shop",
			Labels: map[string]string{
				"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "Service", Name: "web", UID: "web-uid", Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(""), Protocol: new(corev1.ProtocolTCP), Port: new(int32(8080))}},
		Endpoints: []discoveryv1.Endpoint{{
			Addresses:  []string{"10.244.1.105"},
			Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
			Hostname:   new("db-0"), NodeName: new("node-1"),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: "web-5", UID: "uid-5"},
		}},
	})
}

func TestTheConditionsOfAnEndpointFollowThePod(t *testing.T) {
	early := func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }
	for _, c := range []struct {
		what    string
		service *corev1.Service
		pod     *corev1.Pod
		want    string // ready serving terminating
	}{
		{"a ready pod", web(), pod(1), "true true false"},
		{"a pod that is not ready", web(), pod(1, notReady), "false false false"},
		{"a pod that is ending and still answers", web(), pod(1, terminating), "false true true"},
		{"a pod that is ending", web(), pod(1, notReady, terminating), "false false true"},
		{"a pod that is not ready, of a service that wants to know it all the same", web(early), pod(1, notReady), "true false false"},
	} {
		c1 := PlanEndpoints(c.service, []*corev1.Pod{c.pod}, nil)[0].Slice.Endpoints[0].Conditions
		check(t, c.what, fmt.Sprint(*c1.Ready, *c1.Serving, *c1.Terminating), c.want)
	}
}

func TestAPodWithoutAnAddressOrAtItsEndIsNoEndpoint(t *testing.T) {
	s := &shelf{t: t}
	check(t, "writes", s.settle(web(), []*corev1.Pod{pod(1, noAddress), pod(2, finished)}), []string{"create web-1: 0"})
}

func TestANamedTargetPortIsLookedUpInEachPod(t *testing.T) {
	service := web(func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromString("http") })
	listens := func(port int32) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port}}}}
		}
	}
	s := &shelf{t: t}
	s.settle(service, []*corev1.Pod{pod(1, listens(8080)), pod(2, listens(8080)), pod(3, listens(9090)), pod(4)})
	got := map[string]int{}
	for _, slice := range s.slices {
		ports := "none"
		for _, port := range slice.Ports {
			ports = fmt.Sprint(*port.Port)
		}
		got[ports] = len(slice.Endpoints)
	}
	check(t, "endpoints by port", got, map[string]int{"8080": 2, "9090": 1, "none": 1})
}

func TestOnePodsChangeWritesOneSlice(t *testing.T) {
	s := &shelf{t: t}
	all := pods(1, 250)
	check(t, "first", s.settle(web(), all), []string{"create web-1: 100", "create web-2: 100", "create web-3: 50"})
	notReady(all[120])
	check(t, "a pod is no longer ready", s.settle(web(), all), []string{"update web-2: 100"})
}

func TestANewPodGoesIntoTheSliceThatAnotherLeaves(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 200))
	check(t, "room in the first slice", s.settle(web(), pods(51, 200)), []string{"update web-1: 50"})
	replaced := append(pods(51, 149), pods(151, 201)...) // 201 for 150, in the second slice
	check(t, "writes", s.settle(web(), replaced), []string{"update web-2: 100"})
}

func TestASliceOnItsWayOutIsNotWrittenTo(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 1))
	s.slices[0].DeletionTimestamp = &metav1.Time{}
	check(t, "writes", s.settle(web(), pods(1, 1)), []string{"create web-2: 1"})
}

func TestAnActionNamesThePodsOnAccountOfWhichItIsTaken(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 3))
	action := PlanEndpoints(web(), []*corev1.Pod{pod(1), pod(2, notReady), pod(4)}, s.slices)[0]
	check(t, "changes, joins, leaves", action.Pods, []string{"web-2", "web-4", "web-3"})
}

func TestASliceThatBecomesEmptyIsDeletedUnlessItIsTheLast(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 150))
	check(t, "the second slice empties", s.settle(web(), pods(1, 100)), []string{"delete web-2: 50"})
	check(t, "the first slice empties", s.settle(web(), nil), []string{"update web-1: 0"})
	check(t, "a pod comes back", s.settle(web(), pods(1, 1)), []string{"update web-1: 1"})
}

func TestAnotherTargetPortRewritesTheSlicesInPlace(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 150))
	moved := web(func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(9090) })
	check(t, "writes", s.settle(moved, pods(1, 150)), []string{"update web-1: 100", "update web-2: 50"})
}

func TestSlicesOfSomebodyElseAreLeftAlone(t *testing.T) {
	mine := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "mine", Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
	}}
	s := &shelf{t: t, slices: []*discoveryv1.EndpointSlice{mine}}
	check(t, "writes", s.settle(web(), pods(1, 1)), []string{"create web-1: 1"})
}

func TestASliceThatAFormerServiceOfThisNameLeftGoes(t *testing.T) {
	s := &shelf{t: t}
	s.settle(web(), pods(1, 1))
	s.slices[0].OwnerReferences = nil
	check(t, "writes", s.settle(web(), pods(2, 2)), []string{"create web-2: 1", "delete web-1: 1"})
}

func TestAPodsAddressIsBelievedIfItsNodeHasItToGive(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}, Spec: corev1.NodeSpec{PodCIDR: "10.244.1.0/24"},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "172.30.0.3"}}}}
	nodes := map[string]*corev1.Node{"node-1": node, "node-new": {}}
	for what, c := range map[string]struct {
		ip, node string
		host     bool
		want     bool
	}{
		"of its node":                       {"10.244.1.7", "node-1", false, true},
		"of another node":                   {"10.244.2.7", "node-1", false, false},
		"of the node itself":                {"172.30.0.3", "node-1", false, false},
		"of the node, on its network":       {"172.30.0.3", "node-1", true, true},
		"of a pod, on the node's network":   {"10.244.1.7", "node-1", true, false},
		"of another host, on its network":   {"172.30.0.4", "node-1", true, false},
		"of a node that is not known":       {"10.244.2.7", "node-2", false, true},
		"of a node that has no range yet":   {"10.244.2.7", "node-new", false, true},
		"loopback":                          {"127.0.0.1", "node-2", false, false},
		"the metadata service of a cloud":   {"169.254.169.254", "node-2", false, false},
		"of a group":                        {"224.0.0.1", "node-2", false, false},
		"unspecified":                       {"0.0.0.0", "node-2", false, false},
		"of a family that the slice is not": {"fd00::1", "node-2", false, false},
		"nonsense":                          {"nonsense", "node-2", false, false},
		"none yet":                          {"", "node-1", false, true},
	} {
		p := pod(1, func(p *corev1.Pod) { p.Status.PodIP, p.Spec.NodeName, p.Spec.HostNetwork = c.ip, c.node, c.host })
		believed, doubted := believable([]*corev1.Pod{p}, nodes)
		if (len(believed) == 1) != c.want || len(believed)+len(doubted) != 1 {
			t.Errorf("an address %s: believed %d, doubted %d, want believed: %t", what, len(believed), len(doubted), c.want)
		}
	}
}
