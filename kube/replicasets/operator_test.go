package replicasets

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// cluster is a clientset that gives pods names, UIDs and revisions as a server does.
func cluster(objects ...runtime.Object) *fake.Clientset {
	clients := fake.NewClientset(objects...)
	var serial atomic.Int64
	clients.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		p := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		n := serial.Add(1)
		p.Name = fmt.Sprintf("%s%d", p.GenerateName, n)
		p.UID, p.ResourceVersion = types.UID(p.Name), fmt.Sprint(1000+n)
		return false, nil, nil
	})
	return clients
}

// start runs the loop until the test ends.
func start(t *testing.T, clients *fake.Clientset) {
	t.Helper()
	recorder, err := trace.NewRecorder("controllers", "control-1", "")
	if err != nil {
		t.Fatal(err)
	}
	client := operator.NewClient(clients, recorder, "controllers")
	loop, err := New(client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := loop.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func pods(t *testing.T, clients *fake.Clientset) []corev1.Pod {
	t.Helper()
	list, err := clients.CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func reported(t *testing.T, clients *fake.Clientset) appsv1.ReplicaSetStatus {
	t.Helper()
	rs, err := clients.AppsV1().ReplicaSets("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rs.Status
}

func writes(clients *fake.Clientset, verb, resource string) (n int) {
	for _, action := range clients.Actions() {
		if action.Matches(verb, resource) {
			n++
		}
	}
	return n
}

func TestADeletedPodIsReplaced(t *testing.T) {
	clients := cluster(set(3))
	start(t, clients)
	waitFor(t, "three pods in the status", func() bool { return reported(t, clients).Replicas == 3 })
	first := pods(t, clients)[0]
	if owner := metav1.GetControllerOf(&first); owner == nil || owner.Name != "web" || owner.Kind != "ReplicaSet" {
		t.Errorf("a pod's controller is %v", owner)
	}
	if err := clients.CoreV1().Pods("shop").Delete(t.Context(), first.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a fourth creation", func() bool { return writes(clients, "create", "pods") == 4 })
	waitFor(t, "three pods", func() bool { return len(pods(t, clients)) == 3 })
}

func TestAWatchThatLagsMakesNoDuplicates(t *testing.T) {
	clients := cluster(set(3))
	clients.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		return true, watch.NewFake(), nil // which never tells anything
	})
	start(t, clients)
	waitFor(t, "a status that counts three", func() bool { return reported(t, clients).Replicas == 3 })
	for i := range 5 { // five more turns
		rs := set(3)
		rs.Generation = int64(10 + i)
		if _, err := clients.AppsV1().ReplicaSets("shop").Update(t.Context(), rs, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the turn", func() bool { return reported(t, clients).ObservedGeneration == rs.Generation })
	}
	if n := writes(clients, "create", "pods"); n != 3 {
		t.Errorf("wanted 3 pods, created %d", n)
	}
}

func TestAStrayPodIsAdopted(t *testing.T) {
	clients := cluster(set(1), pod("stray", orphan))
	start(t, clients)
	waitFor(t, "the pod has a controller", func() bool { return metav1.IsControlledBy(&pods(t, clients)[0], set(1)) })
	if n := writes(clients, "create", "pods"); n != 0 {
		t.Errorf("one pod was there, and %d more were created", n)
	}
}

func TestAFullQuotaIsReportedAndTriedAgain(t *testing.T) {
	clients := cluster(set(100))
	var full atomic.Bool
	full.Store(true)
	clients.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return full.Load(), nil, errors.New("exceeded quota")
	})
	start(t, clients)
	waitFor(t, "the failure shows", func() bool { return len(reported(t, clients).Conditions) == 1 })
	full.Store(false)
	waitFor(t, "all pods are there", func() bool {
		status := reported(t, clients)
		return status.Replicas == 100 && len(status.Conditions) == 0
	})
}
