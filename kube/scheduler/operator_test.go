package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/scheduler"
	"kubelab/kube/services/servicekind"
)

// lab is an API server with a scheduler. Its nodes are mere objects: nothing runs there.
type lab struct {
	testing.TB
	*operator.Client
}

func newLab(t testing.TB) *lab { return newLabBehind(t, nil) }

// newLabBehind is a lab whose scheduler reaches the API server by what between makes of its client.
func newLabBehind(t testing.TB, between func(*operator.Client) *operator.Client) *lab {
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, scheduler.Component), slices.Concat(api.Kinds, nodes.Kinds, servicekind.Kinds, garbage.Kinds, podkind.Kinds)...)
	client := cluster.As(scheduler.Component, "")
	if between != nil {
		client = between(client)
	}
	loop, err := scheduler.New(client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	})
	return &lab{t, cluster.Admin()}
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) makeNode(name, cpu string, change ...func(*corev1.Node)) *corev1.Node {
	l.Helper()
	node, err := l.CoreV1().Nodes().Create(l.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	l.must(err)
	node.Spec.Taints = nil // a new node is not ready; here nobody will tell when it is
	for _, apply := range change {
		apply(node)
	}
	node, err = l.CoreV1().Nodes().Update(l.Context(), node, metav1.UpdateOptions{})
	l.must(err)
	node.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node, err = l.CoreV1().Nodes().UpdateStatus(l.Context(), node, metav1.UpdateOptions{})
	l.must(err)
	return node
}

func (l *lab) makePod(name, cpu string, edits ...func(*corev1.Pod)) {
	l.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "server", Image: "web:1",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
		}}},
	}
	for _, edit := range edits {
		edit(pod)
	}
	_, err := l.CoreV1().Pods("default").Create(l.Context(), pod, metav1.CreateOptions{})
	l.must(err)
}

func (l *lab) deletePod(name string) {
	l.Helper()
	l.must(l.CoreV1().Pods("default").Delete(l.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
}

// awaitPod waits until the pod is in a state.
func (l *lab) awaitPod(name, what string, is func(*corev1.Pod) bool) *corev1.Pod {
	l.Helper()
	var pod *corev1.Pod
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		var err error
		pod, err = l.CoreV1().Pods("default").Get(l.Context(), name, metav1.GetOptions{})
		l.must(err)
		if is(pod) {
			return pod
		}
	}
	l.Fatalf("pod %s: %s: waited in vain; node %q, status %+v", name, what, pod.Spec.NodeName, pod.Status)
	return nil
}

func (l *lab) awaitNode(pod, node string) {
	l.Helper()
	l.awaitPod(pod, "goes to "+node, func(p *corev1.Pod) bool { return p.Spec.NodeName == node })
}

// awaitRefusal waits until the pod's condition says why it has no node.
func (l *lab) awaitRefusal(pod, message string) {
	l.Helper()
	l.awaitPod(pod, message, func(p *corev1.Pod) bool {
		return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == "Unschedulable" && c.Message == message
		})
	})
}

func (l *lab) awaitEvent(pod, reason, message string) {
	l.Helper()
	var seen []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		events, err := l.CoreV1().Events("default").List(l.Context(), metav1.ListOptions{})
		l.must(err)
		seen = nil
		for _, e := range events.Items {
			seen = append(seen, fmt.Sprintf("%s: %s: %s", e.InvolvedObject.Name, e.Reason, e.Message))
		}
		if slices.Contains(seen, fmt.Sprintf("%s: %s: %s", pod, reason, message)) {
			return
		}
	}
	l.Fatalf("no event %s %q about pod %s; seen:\n%s", reason, message, pod, strings.Join(seen, "\n"))
}

func TestAPodThatFitsNowhereSaysWhyAndGoesAsSoonAsANodeIsThere(t *testing.T) {
	l := newLab(t)
	l.makeNode("small", "1")
	l.makePod("web", "2")
	l.awaitRefusal("web", "0/1 nodes are available: 1 Insufficient cpu.")
	l.awaitEvent("web", "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.")
	l.makeNode("large", "4")
	l.awaitNode("web", "large")
	l.awaitEvent("web", "Scheduled", "Successfully assigned default/web to large")
}

func TestAPodThatFitsNowhereDoesNotHoldUpOthers(t *testing.T) {
	l := newLab(t)
	l.makeNode("a", "4")
	for i := range 20 {
		l.makePod(fmt.Sprint("giant-", i), "64")
	}
	l.makePod("web", "1")
	l.awaitNode("web", "a")
}

func TestAPodWithAGateGetsNoNodeBeforeItIsTakenAway(t *testing.T) {
	l := newLab(t)
	l.makeNode("a", "4")
	l.makePod("gated", "1", func(pod *corev1.Pod) {
		pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/quota"}}
	})
	l.makePod("web", "1")
	l.awaitNode("web", "a")
	gated, err := l.CoreV1().Pods("default").Get(t.Context(), "gated", metav1.GetOptions{})
	l.must(err)
	if gated.Spec.NodeName != "" {
		t.Fatalf("it is on %s", gated.Spec.NodeName)
	}
	gated.Spec.SchedulingGates = nil
	_, err = l.CoreV1().Pods("default").Update(t.Context(), gated, metav1.UpdateOptions{})
	l.must(err)
	l.awaitNode("gated", "a")
}

func TestTheEndOfAPodMakesRoomForOneThatWaits(t *testing.T) {
	l := newLab(t)
	l.makeNode("a", "4")
	l.makePod("first", "3")
	l.awaitNode("first", "a")
	l.makePod("second", "3")
	l.awaitRefusal("second", "0/1 nodes are available: 1 Insufficient cpu.")
	l.deletePod("first")
	l.awaitNode("second", "a")
	l.makePod("third", "3")
	l.awaitRefusal("third", "0/1 nodes are available: 1 Insufficient cpu.")
	done, err := l.CoreV1().Pods("default").Get(t.Context(), "second", metav1.GetOptions{})
	l.must(err)
	done.Status.Phase = corev1.PodSucceeded
	_, err = l.CoreV1().Pods("default").UpdateStatus(t.Context(), done, metav1.UpdateOptions{})
	l.must(err)
	l.awaitNode("third", "a")
}

func TestAnUncordonedNodeAndATolerationAreBothNews(t *testing.T) {
	l := newLab(t)
	node := l.makeNode("a", "4", func(node *corev1.Node) { node.Spec.Unschedulable = true })
	l.makePod("one", "1")
	l.makePod("two", "1")
	l.awaitRefusal("one", "0/1 nodes are available: 1 node(s) were unschedulable.")
	l.awaitRefusal("two", "0/1 nodes are available: 1 node(s) were unschedulable.")
	two, err := l.CoreV1().Pods("default").Get(t.Context(), "two", metav1.GetOptions{})
	l.must(err)
	two.Spec.Tolerations = append(two.Spec.Tolerations, corev1.Toleration{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists})
	_, err = l.CoreV1().Pods("default").Update(t.Context(), two, metav1.UpdateOptions{})
	l.must(err)
	l.awaitNode("two", "a")
	node.Spec.Unschedulable = false
	_, err = l.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{})
	l.must(err)
	l.awaitNode("one", "a")
}

func TestNoNodeIsEverOvercommittedHoweverManyPodsComeAtOnce(t *testing.T) {
	l := newLab(t)
	for i := range 5 {
		l.makeNode(fmt.Sprint("node-", i), "4")
	}
	var makers errgroup.Group
	for i := range 60 { // of which 40 fit
		makers.Go(func() error { l.makePod(fmt.Sprint("web-", i), "500m"); return nil })
	}
	l.must(makers.Wait())
	perNode, waiting := map[string]int{}, 0
	for deadline := time.Now().Add(10 * time.Second); waiting != 20 && time.Now().Before(deadline); {
		list, err := l.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
		l.must(err)
		perNode, waiting = map[string]int{}, 0
		for _, pod := range list.Items {
			if pod.Spec.NodeName != "" {
				perNode[pod.Spec.NodeName]++
			} else if len(pod.Status.Conditions) > 0 {
				waiting++
			}
		}
	}
	for node, n := range perNode {
		if n != 8 {
			t.Errorf("%s has %d pods, and room for 8", node, n)
		}
	}
	if waiting != 20 {
		t.Errorf("%d wait, want 20", waiting)
	}
}

// BenchmarkBinds measures from the first of 5,000 pods created to the last one bound, on a thousand nodes.
func BenchmarkBinds(b *testing.B) {
	l := newLab(b)
	var makers errgroup.Group
	makers.SetLimit(32)
	for i := range 1000 {
		makers.Go(func() error { l.makeNode(fmt.Sprint("node-", i), "4"); return nil })
	}
	l.must(makers.Wait())
	const pods = 5000
	for b.Loop() {
		watch, err := l.CoreV1().Pods("default").Watch(b.Context(), metav1.ListOptions{})
		l.must(err)
		for i := range pods {
			makers.Go(func() error { l.makePod(fmt.Sprint("web-", i), "10m"); return nil })
		}
		bound := 0
		for event := range watch.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok {
				b.Fatal(errors.New("the watch broke off"))
			}
			if pod.Spec.NodeName != "" {
				if bound++; bound == pods {
					break
				}
			}
		}
		watch.Stop()
		l.must(makers.Wait())
		b.ReportMetric(float64(pods)/b.Elapsed().Seconds(), "binds/s")
	}
}

// lossy lets the first bind happen, and loses the answer when the watch has shown the bind.
type lossy struct {
	next  http.RoundTripper
	shown func() bool
	lost  atomic.Bool
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/binding") || l.lost.Swap(true) {
		return answer, err
	}
	answer.Body.Close()
	for !l.shown() {
		time.Sleep(time.Millisecond)
	}
	return nil, errors.New("the answer is lost")
}

func TestAPodWhoseBindHappenedCountsThoughTheAnswerWasLost(t *testing.T) {
	lost := &lossy{}
	l := newLabBehind(t, func(client *operator.Client) *operator.Client {
		config := rest.CopyConfig(client.Config)
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			lost.next = next
			return lost
		})
		clients, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		behind := operator.NewClient(clients, client.Recorder, client.Component)
		pods := behind.Watches.Core().V1().Pods().Lister()
		lost.shown = func() bool {
			pod, err := pods.Pods("default").Get("first")
			return err == nil && pod.Spec.NodeName != ""
		}
		return behind
	})
	l.makeNode("a", "1")
	l.makePod("first", "1")
	l.awaitNode("first", "a")
	l.makePod("second", "1")
	l.awaitRefusal("second", "0/1 nodes are available: 1 Insufficient cpu.")
	if !lost.lost.Load() {
		t.Error("no answer was lost")
	}
}
