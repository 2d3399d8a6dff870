package deployments_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/deployments"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/replicasets"
	"kubelab/kube/services/servicekind"
)

// lab is an API server with the loops of Deployments and ReplicaSets. Nothing runs: the test itself says when
// pods are ready. kubectl's own code is the judge of what the loops write.
type lab struct {
	*testing.T
	*operator.Client
}

func newLab(t *testing.T) *lab {
	controllers := apiservertest.Controllers(slices.Concat(deployments.Loops, replicasets.Loops)...)
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, controllers), slices.Concat(api.Kinds, nodes.Kinds, servicekind.Kinds, garbage.Kinds,
		podkind.Kinds, replicasets.Kinds, deployments.Kinds)...)
	client := cluster.As(controllers, "")
	sets, err := replicasets.New(client)
	if err != nil {
		t.Fatal(err)
	}
	rollouts, err := deployments.New(client)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	var loops errgroup.Group
	loops.Go(func() error { return sets.Run(ctx) })
	loops.Go(func() error { return rollouts.Run(ctx) })
	l := &lab{t, cluster.Admin()}
	loops.Go(func() error { return l.playKubelet(ctx) })
	t.Cleanup(func() {
		cancel()
		if err := loops.Wait(); err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	})
	return l
}

// playKubelet makes every new pod ready, but those whose image is broken.
func (l *lab) playKubelet(ctx context.Context) error {
	watch, err := l.CoreV1().Pods("default").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for event := range watch.ResultChan() {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || event.Type != "ADDED" || pod.Spec.Containers[0].Image == "broken" {
			continue
		}
		patch := []byte(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`)
		if _, err := l.CoreV1().Pods("default").Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil && ctx.Err() == nil {
			l.Log(err) // a pod may be gone already
		}
	}
	return nil
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) create(image string) {
	l.Helper()
	labels := map[string]string{"app": "web"}
	_, err := l.AppsV1().Deployments("default").Create(l.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: image}}},
			},
		},
	}, metav1.CreateOptions{})
	l.must(err)
}

func (l *lab) get() *appsv1.Deployment {
	l.Helper()
	d, err := l.AppsV1().Deployments("default").Get(l.Context(), "web", metav1.GetOptions{})
	l.must(err)
	return d
}

// set changes the image and says why, as kubectl set image and kubectl annotate do.
func (l *lab) set(image string) {
	l.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"kubernetes.io/change-cause":%q}},
		"spec":{"template":{"spec":{"containers":[{"name":"server","image":%q}]}}}}`, "to "+image, image)
	_, err := l.AppsV1().Deployments("default").Patch(l.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	l.must(err)
}

// rolloutStatus is what kubectl rollout status says.
func (l *lab) rolloutStatus() (string, bool) {
	l.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(l.get())
	l.must(err)
	text, done, err := (&polymorphichelpers.DeploymentStatusViewer{}).Status(&unstructured.Unstructured{Object: object}, 0)
	if err != nil {
		text = err.Error()
	}
	return text, done
}

func (l *lab) await(what string, is func() bool) {
	l.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := l.rolloutStatus()
			l.Fatalf("%s: waited in vain; rollout status: %s; %+v", what, text, l.get().Status)
		}
	}
}

func (l *lab) awaitRollout(image string) {
	l.Helper()
	l.await("the rollout to "+image, func() bool { _, done := l.rolloutStatus(); return done })
	list, err := l.CoreV1().Pods("default").List(l.Context(), metav1.ListOptions{})
	l.must(err)
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil && pod.Spec.Containers[0].Image != image {
			l.Errorf("rolled out to %s, and there is still a pod of %s", image, pod.Spec.Containers[0].Image)
		}
	}
}

// history is what kubectl rollout history says: "1 <none>, 2 to web:2".
func (l *lab) history() string {
	l.Helper()
	viewer, err := polymorphichelpers.HistoryViewerFor(appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind(), l.Client)
	l.must(err)
	text, err := viewer.ViewHistory("default", "web", 0)
	l.must(err)
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, ", ")
}

// undo is kubectl rollout undo.
func (l *lab) undo(to int64) {
	l.Helper()
	back, err := polymorphichelpers.RollbackerFor(appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind(), l.Client)
	l.must(err)
	_, err = back.Rollback(l.get(), nil, to, cmdutil.DryRunNone)
	l.must(err)
}

func TestKubectlFollowsARolloutAndGoesBackInItsHistory(t *testing.T) {
	l := newLab(t)
	l.create("web:1")
	l.awaitRollout("web:1")
	l.set("web:2")
	l.awaitRollout("web:2")
	l.set("broken")
	l.await("one pod of the broken version", func() bool { return l.get().Status.UpdatedReplicas == 1 })
	if text, done := l.rolloutStatus(); done || !strings.Contains(text, "1 out of 3 new replicas have been updated") {
		t.Errorf("rollout status of a version that does not start: %s", text)
	}
	l.undo(0)
	l.awaitRollout("web:2")
	if got, want := l.history(), "1 <none>, 3 to broken, 4 to web:2"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	l.undo(1)
	l.awaitRollout("web:1")
	if got, want := l.history(), "3 to broken, 4 to web:2, 5 <none>"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
}

func TestScalingADeploymentScalesItsReplicaSet(t *testing.T) {
	l := newLab(t)
	l.create("web:1")
	l.awaitRollout("web:1")
	for _, n := range []int32{7, 0, 2} {
		scale, err := l.AppsV1().Deployments("default").GetScale(t.Context(), "web", metav1.GetOptions{})
		l.must(err)
		scale.Spec.Replicas = n
		_, err = l.AppsV1().Deployments("default").UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{})
		l.must(err)
		l.await(fmt.Sprintf("%d pods", n), func() bool { s := l.get().Status; return s.Replicas == n && s.AvailableReplicas == n })
	}
	sets, err := l.AppsV1().ReplicaSets("default").List(t.Context(), metav1.ListOptions{})
	l.must(err)
	if len(sets.Items) != 1 {
		t.Errorf("%d ReplicaSets", len(sets.Items))
	}
}

func TestANameThatIsTakenByAnotherTemplateIsMetWithAnotherHash(t *testing.T) {
	l := newLab(t)
	l.create("web:1")
	l.awaitRollout("web:1")
	sets := l.AppsV1().ReplicaSets("default")
	list, err := sets.List(t.Context(), metav1.ListOptions{})
	l.must(err)
	// Free the name of the version, and take it with a ReplicaSet of somebody else.
	name := list.Items[0].Name
	l.must(l.AppsV1().Deployments("default").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	l.must(sets.Delete(t.Context(), name, metav1.DeleteOptions{}))
	other := map[string]string{"app": "db"}
	_, err = sets.Create(t.Context(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: other},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: other},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "db:1"}}},
			},
		},
	}, metav1.CreateOptions{})
	l.must(err)
	l.create("web:1")
	l.awaitRollout("web:1")
	if count := l.get().Status.CollisionCount; count == nil || *count != 1 {
		t.Errorf("collisions counted: %v", count)
	}
}
