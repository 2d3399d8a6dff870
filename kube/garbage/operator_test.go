package garbage_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/services/servicekind"
	"kubelab/kube/trace"
)

// lab is a cluster with a collector. Config maps stand for all kinds: the collector knows none of them.
type lab struct {
	*testing.T
	*operator.Client
}

func newLab(t *testing.T) *lab {
	var kinds []api.Kind
	for _, room := range [][]api.Kind{api.Kinds, servicekind.Kinds, nodes.Kinds, garbage.Kinds, podkind.Kinds} {
		kinds = append(kinds, room...)
	}
	component := apiservertest.Controllers(garbage.Loops...)
	cluster := apiservertest.StartFor(t, apiservertest.Policy(t, component), kinds...)
	controllers := cluster.As(component, "")
	collector, err := garbage.New(controllers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := controllers.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- collector.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		controllers.Watches.Shutdown()
	})
	return &lab{t, cluster.Admin()}
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// make creates a config map with the given owners.
func (l *lab) make(name string, owners ...*corev1.ConfigMap) *corev1.ConfigMap {
	l.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, owner := range owners {
		object.OwnerReferences = append(object.OwnerReferences, metav1.OwnerReference{
			APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, BlockOwnerDeletion: new(true)})
	}
	created, err := l.CoreV1().ConfigMaps("default").Create(l.Context(), object, metav1.CreateOptions{})
	l.must(err)
	return created
}

func (l *lab) get(name string) *corev1.ConfigMap {
	l.Helper()
	found, err := l.CoreV1().ConfigMaps("default").Get(l.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	l.must(err)
	return found
}

func (l *lab) delete(name string, policy metav1.DeletionPropagation) {
	l.Helper()
	l.must(l.CoreV1().ConfigMaps("default").Delete(l.Context(), name, metav1.DeleteOptions{PropagationPolicy: &policy}))
}

func (l *lab) setFinalizers(name, list string) {
	l.Helper()
	_, err := l.CoreV1().ConfigMaps("default").Patch(l.Context(), name, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":`+list+`}}`), metav1.PatchOptions{})
	l.must(err)
}

func (l *lab) waitFor(what string, reached func() bool) {
	l.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !reached() {
		if time.Now().After(deadline) {
			l.Fatalf("waited 10 s in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *lab) waitGone(names ...string) {
	l.Helper()
	for _, name := range names {
		l.waitFor(name+" is gone", func() bool { return l.get(name) == nil })
	}
}

func TestWhatAnOwnerOwnsGoesWithIt(t *testing.T) {
	l := newLab(t)
	deployment := l.make("deployment")
	set := l.make("set", deployment)
	l.make("pod-1", set)
	l.make("pod-2", set)
	other := l.make("other")
	l.make("shared", set, other)
	l.delete("deployment", metav1.DeletePropagationBackground)
	l.waitGone("set", "pod-1", "pod-2")
	l.waitFor("shared has one owner less", func() bool { return len(l.get("shared").OwnerReferences) == 1 })
	if l.get("other") == nil {
		t.Error("what has no owner was deleted")
	}
}

func TestADeletionNamesTheDeletionThatCausedIt(t *testing.T) {
	l := newLab(t)
	l.make("leaf", l.make("branch", l.make("root")))
	l.delete("root", metav1.DeletePropagationBackground)
	l.waitGone("branch", "leaf")
	body, err := l.CoreV1().RESTClient().Get().AbsPath(trace.Path).DoRaw(t.Context())
	l.must(err)
	var record []trace.Step
	l.must(json.Unmarshal(body, &record))
	deletion := map[string]trace.Step{}
	for _, step := range record {
		if step.Verb == "delete" {
			deletion[step.Object.Name] = step
		}
	}
	for name, cause := range map[string]string{"leaf": "branch", "branch": "root"} {
		if got := deletion[name]; !slices.Contains(got.Causes, deletion[cause].ID) {
			t.Errorf("%s was deleted because of %v (%s), want the deletion of %s, %s", name, got.Causes, got.Detail, cause, deletion[cause].ID)
		}
	}
	if deletion["root"].Root != trace.Request {
		t.Errorf("the first deletion is no request: %+v", deletion["root"])
	}
}

func TestAnOwnerOfTheSameNameIsAnother(t *testing.T) {
	l := newLab(t)
	first := l.make("owner")
	l.make("owned", first)
	l.delete("owner", metav1.DeletePropagationBackground)
	l.waitGone("owned")
	second := l.make("owner")
	l.make("late", first) // whoever made this had not noticed
	l.make("timely", second)
	l.waitGone("late")
	if l.get("timely") == nil {
		t.Error("what has an owner was deleted")
	}
}

func TestAForegroundDeletionWaitsForWhatTheOwnerOwns(t *testing.T) {
	l := newLab(t)
	l.make("owned", l.make("owner"))
	l.setFinalizers("owned", `["example.com/backup"]`)
	l.delete("owner", metav1.DeletePropagationForeground)
	l.waitFor("owned is on its way out", func() bool { return l.get("owned").DeletionTimestamp != nil })
	if l.get("owner") == nil {
		t.Fatal("the owner is gone before what it owns")
	}
	l.setFinalizers("owned", `[]`)
	l.waitGone("owned", "owner")
}

func TestAnOrphaningDeletionLeavesWhatTheOwnerOwned(t *testing.T) {
	l := newLab(t)
	l.make("owned", l.make("owner"))
	l.delete("owner", metav1.DeletePropagationOrphan)
	l.waitGone("owner")
	if owned := l.get("owned"); owned == nil || len(owned.OwnerReferences) != 0 {
		t.Errorf("owned is %+v", owned)
	}
}

func TestANamespaceTakesEverythingWithIt(t *testing.T) {
	l := newLab(t)
	_, err := l.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{})
	l.must(err)
	_, err = l.CoreV1().Pods("shop").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "busybox"}}}}, metav1.CreateOptions{})
	l.must(err)
	_, err = l.CoreV1().Secrets("shop").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "key", Finalizers: []string{"example.com/backup"}}}, metav1.CreateOptions{})
	l.must(err)
	_, err = l.CoreV1().Events("shop").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "remark"}, InvolvedObject: corev1.ObjectReference{Namespace: "shop"}}, metav1.CreateOptions{})
	l.must(err)

	l.must(l.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}))
	l.waitFor("the namespace says what it waits for", func() bool {
		ns, err := l.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
		l.must(err)
		if ns.Status.Phase != corev1.NamespaceTerminating {
			t.Fatalf("a deleted namespace is %s", ns.Status.Phase)
		}
		var wrong []string
		for _, c := range ns.Status.Conditions {
			if c.Status == corev1.ConditionTrue {
				wrong = append(wrong, c.Message)
			}
		}
		return len(ns.Status.Conditions) == 5 && slices.Equal(wrong, []string{
			"Some resources are remaining: secrets. has 1 resource instances",
			"Some content in the namespace has finalizers remaining: example.com/backup in 1 resource instances",
		})
	})
	_, err = l.CoreV1().Secrets("shop").Patch(t.Context(), "key", types.MergePatchType, []byte(`{"metadata":{"finalizers":[]}}`), metav1.PatchOptions{})
	l.must(err)
	l.waitFor("the namespace is gone", func() bool {
		_, err := l.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	left, err := l.CoreV1().Events("shop").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
