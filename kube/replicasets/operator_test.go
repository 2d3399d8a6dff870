package replicasets_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/replicasets"
	"kubelab/kube/services/servicekind"
)

// lab is an API server with the loop of ReplicaSets, and a line between them that can be disturbed.
type lab struct {
	*testing.T
	*operator.Client
	line *line
}

// line carries the loop's requests.
type line struct {
	next    http.RoundTripper
	full    atomic.Bool  // creations of pods are refused
	lagging atomic.Bool  // what watches of pods bring stays in the line
	created atomic.Int32 // pods
}

func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	toPods := strings.HasSuffix(request.URL.Path, "/pods")
	if toPods && request.Method == http.MethodPost {
		if l.full.Load() {
			status := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"exceeded quota"}`
			return &http.Response{
				StatusCode: http.StatusForbidden, Request: request, Body: io.NopCloser(strings.NewReader(status)),
				Header: http.Header{"Content-Type": {"application/json"}},
			}, nil
		}
		l.created.Add(1)
	}
	response, err := l.next.RoundTrip(request)
	if err == nil && toPods && request.URL.Query().Get("watch") != "" {
		response.Body = held{response.Body, l}
	}
	return response, err
}

type held struct {
	io.ReadCloser
	line *line
}

func (h held) Read(into []byte) (int, error) {
	n, err := h.ReadCloser.Read(into)
	for h.line.lagging.Load() {
		time.Sleep(time.Millisecond)
	}
	return n, err
}

func newLab(t *testing.T) *lab {
	controllers := apiservertest.Controllers(replicasets.Loops...)
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, controllers), slices.Concat(api.Kinds, nodes.Kinds, servicekind.Kinds, garbage.Kinds,
		podkind.Kinds, replicasets.Kinds)...)
	l := &lab{t, cluster.Admin(), &line{}}
	straight := cluster.As(controllers, "")
	config := rest.CopyConfig(straight.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		l.line.next = next
		return l.line
	})
	clients, err := kubernetes.NewForConfig(config)
	l.must(err)
	client := operator.NewClient(clients, straight.Recorder, "controllers")
	loop, err := replicasets.New(client)
	l.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	l.must(client.Sync(ctx))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		l.line.lagging.Store(false)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	})
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

var labels = map[string]string{"app": "web"}

func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}},
	}
}

func (l *lab) create(replicas int32) *appsv1.ReplicaSet {
	l.Helper()
	rs, err := l.AppsV1().ReplicaSets("default").Create(l.Context(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       appsv1.ReplicaSetSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template()},
	}, metav1.CreateOptions{})
	l.must(err)
	return rs
}

func (l *lab) get() *appsv1.ReplicaSet {
	l.Helper()
	rs, err := l.AppsV1().ReplicaSets("default").Get(l.Context(), "web", metav1.GetOptions{})
	l.must(err)
	return rs
}

func (l *lab) pods() []corev1.Pod {
	l.Helper()
	list, err := l.CoreV1().Pods("default").List(l.Context(), metav1.ListOptions{})
	l.must(err)
	return list.Items
}

func (l *lab) await(what string, is func() bool) {
	l.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.Fatalf("%s: waited in vain; status %+v, %d pods", what, l.get().Status, len(l.pods()))
		}
	}
}

func (l *lab) awaitReplicas(n int32) {
	l.Helper()
	l.await("the status", func() bool { return l.get().Status.Replicas == n })
}

func TestADeletedPodIsReplaced(t *testing.T) {
	l := newLab(t)
	l.create(3)
	l.awaitReplicas(3)
	first := l.pods()[0]
	if owner := metav1.GetControllerOf(&first); owner == nil || owner.Name != "web" || owner.Kind != "ReplicaSet" || !*owner.BlockOwnerDeletion {
		t.Errorf("a pod's controller is %v", owner)
	}
	l.must(l.CoreV1().Pods("default").Delete(t.Context(), first.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
	l.await("three pods, another among them", func() bool {
		pods := l.pods()
		return len(pods) == 3 && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.UID == first.UID })
	})
}

func TestAWatchThatLagsMakesNoDuplicates(t *testing.T) {
	l := newLab(t)
	l.line.lagging.Store(true)
	l.create(3)
	l.awaitReplicas(3)
	for n := range int32(5) { // five more turns
		rs := l.get()
		rs.Spec.MinReadySeconds = n + 1
		rs, err := l.AppsV1().ReplicaSets("default").Update(t.Context(), rs, metav1.UpdateOptions{})
		l.must(err)
		l.await("the turn", func() bool { return l.get().Status.ObservedGeneration == rs.Generation })
	}
	if n := l.line.created.Load(); n != 3 {
		t.Errorf("wanted 3 pods, created %d", n)
	}
	l.line.lagging.Store(false)
	l.must(l.CoreV1().Pods("default").Delete(t.Context(), l.pods()[0].Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
	l.await("a fourth creation", func() bool { return l.line.created.Load() == 4 })
	l.awaitReplicas(3)
}

func TestAPodOfTheRightKindThatNobodyOwnsIsAdopted(t *testing.T) {
	l := newLab(t)
	_, err := l.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "stray", Labels: labels}, Spec: template().Spec,
	}, metav1.CreateOptions{})
	l.must(err)
	rs := l.create(1)
	l.awaitReplicas(1)
	pods := l.pods()
	if len(pods) != 1 || !metav1.IsControlledBy(&pods[0], rs) {
		t.Errorf("pods %v", pods)
	}
}

func TestAPodWhoseLabelChangesIsReleasedAndReplaced(t *testing.T) {
	l := newLab(t)
	l.create(1)
	l.awaitReplicas(1)
	sick := l.pods()[0]
	sick.Labels = map[string]string{"app": "under-study"}
	_, err := l.CoreV1().Pods("default").Update(t.Context(), &sick, metav1.UpdateOptions{})
	l.must(err)
	l.await("two pods, and the sick one without an owner", func() bool {
		pods := l.pods()
		return len(pods) == 2 && slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.UID == sick.UID && len(p.OwnerReferences) == 0 })
	})
}

func TestAFullQuotaIsReportedAndTriedAgain(t *testing.T) {
	l := newLab(t)
	l.line.full.Store(true)
	l.create(100)
	l.await("the failure", func() bool {
		c := l.get().Status.Conditions
		return len(c) == 1 && c[0].Reason == "FailedCreate" && strings.Contains(c[0].Message, "exceeded quota")
	})
	l.line.full.Store(false)
	l.await("all pods, and no failure", func() bool {
		status := l.get().Status
		return status.Replicas == 100 && len(status.Conditions) == 0
	})
}
