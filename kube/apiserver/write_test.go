package apiserver_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/replicasets"
	"kubelab/kube/services/servicekind"
)

// start runs a server with the kinds that these tests use.
func start(t testing.TB) *apiservertest.Cluster {
	t.Helper()
	return apiservertest.StartFor(t, apiservertest.Policy(t, append(slices.Clone(cluster.Declared), worker)...), kinds...)
}

// worker is a part of the cluster that may do everything.
var worker = component.Component{Name: "worker", Place: component.ControlPlane, User: "system:worker",
	Rights: []component.Right{component.May("*", "*", "*", "pods/status").Because("tests write all sorts of things as a part of the cluster")}}

// declared is a part of a real cluster.
func declared(name string) component.Component {
	c, _ := component.Named(cluster.Declared, name)
	return c
}

var kinds = slices.Concat(api.Kinds, servicekind.Kinds, nodes.Kinds, garbage.Kinds, replicasets.Kinds, podkind.Kinds)

func configMap(name string, data ...string) *corev1.ConfigMap {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{}}
	for i := 0; i+1 < len(data); i += 2 {
		object.Data[data[i]] = data[i+1]
	}
	return object
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "busybox"}}},
	}
}

func create(t *testing.T, c *operator.Client, object *corev1.ConfigMap) *corev1.ConfigMap {
	t.Helper()
	created, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func createPod(t *testing.T, c *operator.Client, object *corev1.Pod) *corev1.Pod {
	t.Helper()
	created, err := c.CoreV1().Pods("default").Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func TestAnUpdateFromAnOldRevisionIsRefusedAndLosesNothing(t *testing.T) {
	c := start(t).Admin()
	read := create(t, c, configMap("a", "x", "1"))
	mine, theirs := read.DeepCopy(), read.DeepCopy()
	theirs.Data["x"] = "theirs"
	if _, err := c.CoreV1().ConfigMaps("default").Update(t.Context(), theirs, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	mine.Data["x"] = "mine"
	_, err := c.CoreV1().ConfigMaps("default").Update(t.Context(), mine, metav1.UpdateOptions{})
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "the object has been modified") {
		t.Fatalf("got %v, want a conflict", err)
	}
}

func TestAnUpdateThatNamesNoRevisionWritesOverWhateverThereIs(t *testing.T) {
	c := start(t).Admin()
	create(t, c, configMap("a", "x", "1"))
	updated, err := c.CoreV1().ConfigMaps("default").Update(t.Context(), configMap("a", "x", "2"), metav1.UpdateOptions{})
	if err != nil || updated.Data["x"] != "2" {
		t.Fatalf("got %v, %v", updated, err)
	}
}

func TestTwentyClientsThatPatchOneObjectAllSucceed(t *testing.T) {
	c := start(t).Admin()
	create(t, c, configMap("a"))
	var patching sync.WaitGroup
	for i := range 20 {
		patching.Go(func() {
			patch := fmt.Sprintf(`{"data":{"k%d":"v"}}`, i)
			if _, err := c.CoreV1().ConfigMaps("default").Patch(t.Context(), "a", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	patching.Wait()
	result, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || len(result.Data) != 20 {
		t.Fatalf("%d of 20 patches are there: %v", len(result.Data), err)
	}
}

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	c := start(t).Admin()
	read := create(t, c, configMap("a", "x", "1"))
	again, err := c.CoreV1().ConfigMaps("default").Update(t.Context(), read, metav1.UpdateOptions{})
	if err != nil || again.ResourceVersion != read.ResourceVersion {
		t.Fatalf("revision %s became %s: %v", read.ResourceVersion, again.ResourceVersion, err)
	}
}

func TestEachKindOfPatchSaysDifferentlyWhatToChange(t *testing.T) {
	c := start(t).Admin()
	for name, test := range map[string]struct {
		kind  types.PatchType
		patch string
		want  []string
	}{
		"json":      {types.JSONPatchType, `[{"op":"replace","path":"/spec/containers/0/image","value":"new"}]`, []string{"main=new"}},
		"merge":     {types.MergePatchType, `{"metadata":{"labels":{"a":"b"}}}`, []string{"main=busybox"}},
		"strategic": {types.StrategicMergePatchType, `{"spec":{"containers":[{"name":"main","image":"new"}]}}`, []string{"main=new"}},
	} {
		createPod(t, c, pod(name))
		patched, err := c.CoreV1().Pods("default").Patch(t.Context(), name, test.kind, []byte(test.patch), metav1.PatchOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, container := range patched.Spec.Containers {
			got = append(got, container.Name+"="+container.Image)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSpecAndStatusAreWrittenThroughDifferentDoors(t *testing.T) {
	c := start(t).Admin()
	object := createPod(t, c, pod("a"))
	object.Status.Message = "told through the status"
	object.Labels = map[string]string{"a": "b"}
	main, err := c.CoreV1().Pods("default").Update(t.Context(), object, metav1.UpdateOptions{})
	if err != nil || main.Status.Message != "" || main.Labels["a"] != "b" {
		t.Fatalf("the main door let the status through: %q, %v", main.Status.Message, err)
	}
	main.Status.Message = "told through the status"
	main.Spec.Containers[0].Image = "changed"
	status, err := c.CoreV1().Pods("default").UpdateStatus(t.Context(), main, metav1.UpdateOptions{})
	if err != nil || status.Status.Message == "" || status.Spec.Containers[0].Image != "busybox" {
		t.Fatalf("the status door let the spec through: %q, %v", status.Spec.Containers[0].Image, err)
	}
}

func TestANameThatIsMadeUpIsNeverTaken(t *testing.T) {
	c := start(t).Admin()
	seen := map[string]bool{}
	for range 50 {
		object := configMap("")
		object.GenerateName = "made-up-"
		name := create(t, c, object).Name
		if seen[name] || !strings.HasPrefix(name, "made-up-") {
			t.Fatalf("name %q, seen before: %v", name, seen[name])
		}
		seen[name] = true
	}
}

func TestAPodThatRunsIsMarkedAndGoesWhenItsKubeletSaysSo(t *testing.T) {
	c := start(t).Admin()
	createPod(t, c, pod("a"))
	bind := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"}}
	if err := c.CoreV1().Pods("default").Bind(t.Context(), bind, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Pods("default").Bind(t.Context(), bind, metav1.CreateOptions{}); !apierrors.IsConflict(err) {
		t.Fatalf("a second binding: %v, want a conflict", err)
	}
	if err := c.CoreV1().Pods("default").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	marked, err := c.CoreV1().Pods("default").Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || marked.DeletionTimestamp == nil || *marked.DeletionGracePeriodSeconds != 30 {
		t.Fatalf("got %+v, %v: want a pod with 30 s of grace", marked, err)
	}
	var now int64
	if err := c.CoreV1().Pods("default").Delete(t.Context(), "a", metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Pods("default").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("got %v, want not found", err)
	}
}

func TestADeletedObjectStaysUntilItsLastFinalizerIsOff(t *testing.T) {
	c := start(t).Admin()
	object := configMap("a")
	object.Finalizers = []string{"example.com/first", "example.com/second"}
	create(t, c, object)
	if err := c.CoreV1().ConfigMaps("default").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{`["example.com/second"]`, `[]`} {
		if _, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); err != nil {
			t.Fatalf("before finalizers are %s: %v", left, err)
		}
		patch := `{"metadata":{"finalizers":` + left + `}}`
		if _, err := c.CoreV1().ConfigMaps("default").Patch(t.Context(), "a", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("got %v, want not found", err)
	}
}

func TestADryRunDoesEverythingButTheWrite(t *testing.T) {
	c := start(t).Admin()
	shown, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("a"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil || shown.UID == "" {
		t.Fatalf("got %+v, %v", shown, err)
	}
	if _, err := c.CoreV1().ConfigMaps("default").Get(t.Context(), "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("it was written: %v", err)
	}
}

func TestWhatIsWrongIsSaidWithItsField(t *testing.T) {
	c := start(t).Admin()
	bad := pod("Not_A_Name")
	bad.Spec.Containers = nil
	_, err := c.CoreV1().Pods("default").Create(t.Context(), bad, metav1.CreateOptions{})
	status, ok := err.(apierrors.APIStatus)
	if !ok || !apierrors.IsInvalid(err) {
		t.Fatalf("got %v, want Invalid", err)
	}
	fields := map[string]bool{}
	for _, cause := range status.Status().Details.Causes {
		fields[cause.Field] = true
	}
	for _, field := range []string{"metadata.name", "spec.containers"} {
		if !fields[field] {
			t.Errorf("the answer does not name %s: %v", field, err)
		}
	}
	body := []byte(`{"metadata":{"name":"a"},"dataa":{}}`)
	for validation, refused := range map[string]bool{"Strict": true, "Warn": false, "Ignore": false} {
		err := c.CoreV1().RESTClient().Post().Namespace("default").Resource("configmaps").Param("fieldValidation", validation).
			Param("dryRun", "All").Body(body).SetHeader("Content-Type", "application/json").Do(t.Context()).Error()
		if refused != (err != nil) {
			t.Errorf("an unknown field under %s: %v", validation, err)
		}
		if refused && !strings.Contains(err.Error(), `unknown field "dataa"`) {
			t.Errorf("the answer does not name the field: %v", err)
		}
	}
}

func TestNothingIsCreatedInANamespaceThatIsMissingOrGoing(t *testing.T) {
	c := start(t).Admin()
	_, err := c.CoreV1().ConfigMaps("nowhere").Create(t.Context(), configMap("a"), metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("missing: got %v, want not found", err)
	}
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "going"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Namespaces().Delete(t.Context(), "going", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = c.CoreV1().ConfigMaps("going").Create(t.Context(), configMap("a"), metav1.CreateOptions{})
	if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("going: got %v, want forbidden because it is being terminated", err)
	}
}

func TestAnAddressIsGivenOnceHoweverManyAsk(t *testing.T) {
	c := start(t).Admin()
	addresses := make(chan string, 30)
	var asking sync.WaitGroup
	for i := range 30 {
		asking.Go(func() {
			service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("s%d", i)}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			created, err := c.CoreV1().Services("default").Create(t.Context(), service, metav1.CreateOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			addresses <- created.Spec.ClusterIP
		})
	}
	asking.Wait()
	close(addresses)
	seen := map[string]bool{}
	for address := range addresses {
		if seen[address] {
			t.Errorf("%s was given twice", address)
		}
		seen[address] = true
	}
	wanted := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.77", Ports: []corev1.ServicePort{{Port: 80}}}}
	for range 2 { // the address of a deleted service is free again
		if _, err := c.CoreV1().Services("default").Create(t.Context(), wanted, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		second := wanted.DeepCopy()
		second.Name = "second"
		if _, err := c.CoreV1().Services("default").Create(t.Context(), second, metav1.CreateOptions{}); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "already allocated") {
			t.Fatalf("an address that is taken: %v", err)
		}
		if err := c.CoreV1().Services("default").Delete(t.Context(), "mine", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// waitFor asks until the answer is yes.
func waitFor(t *testing.T, what string, answer func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !answer() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 s for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestANamespaceThatEveryClusterHasIsMadeAgainAfterSomebodyDeletedIt(t *testing.T) {
	namespaces := start(t).Admin().CoreV1().Namespaces()
	lost, err := namespaces.Get(t.Context(), corev1.NamespaceNodeLease, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	changes, err := namespaces.Watch(t.Context(), metav1.SingleObject(lost.ObjectMeta))
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Stop()
	if err := namespaces.Delete(t.Context(), lost.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := namespaces.Finalize(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: lost.Name}}, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for limit := time.After(20 * time.Second); ; {
		select {
		case change := <-changes.ResultChan():
			if change.Type == watch.Added && change.Object.(*corev1.Namespace).UID != lost.UID {
				return
			}
		case <-limit:
			t.Fatalf("%s is gone for good", lost.Name)
		}
	}
}
