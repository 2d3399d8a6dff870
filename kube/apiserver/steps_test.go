package apiserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/access"
	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// record reads the causal record.
func record(t *testing.T, c *operator.Client) []trace.Step {
	t.Helper()
	body, err := c.CoreV1().RESTClient().Get().AbsPath(trace.Path).Do(t.Context()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var steps []trace.Step
	if err := json.Unmarshal(body, &steps); err != nil {
		t.Fatal(err)
	}
	return steps
}

// told is a chain without what differs from run to run.
func told(steps []trace.Step) []string {
	var lines []string
	for _, step := range steps {
		why := string(step.Root)
		if len(step.Causes) > 0 {
			why = "caused"
		}
		lines = append(lines, step.Component+" "+step.Verb+" "+step.Object.String()+" ("+why+")")
	}
	return lines
}

func TestAWriteAndItsReasonAreStoredTogether(t *testing.T) {
	cluster := start(t)
	person := cluster.Client("person", access.Admin())
	controllers := cluster.Client("scheduler", access.ComponentOn("", worker)) // it calls itself otherwise than its certificate does
	asked := create(t, person, configMap("a"))
	ctx := trace.WithCauses(t.Context(), trace.Wrote(asked.ResourceVersion))
	ctx = trace.Because(ctx, "it was asked for")
	done, err := controllers.CoreV1().ConfigMaps("default").Create(ctx, configMap("b"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain := trace.Chain(record(t, person), trace.Ref{Resource: "configmaps", Namespace: "default", Name: "b"})
	want := []string{
		"kubelab-admin create configmaps/default/a (request)",
		"worker create configmaps/default/b (caused)",
	}
	if diff := cmp.Diff(want, told(chain)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if chain[1].ID != trace.Wrote(done.ResourceVersion) || chain[1].Detail != "it was asked for" || chain[1].Source == "" {
		t.Errorf("got %+v", chain[1])
	}
}

func TestAPersonsWordAboutCausesIsNotBelieved(t *testing.T) {
	person := start(t).Admin()
	ctx := trace.WithCauses(t.Context(), "r1", "forged")
	if _, err := person.CoreV1().ConfigMaps("default").Create(ctx, configMap("a"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range record(t, person) {
		if step.Object.Name == "a" && (len(step.Causes) > 0 || step.Root != trace.Request) {
			t.Errorf("got %+v, want a root", step)
		}
	}
	body, _ := json.Marshal([]trace.Step{{ID: "forged"}})
	if err := person.CoreV1().RESTClient().Post().AbsPath(trace.Path).Body(body).Do(t.Context()).Error(); err == nil {
		t.Error("a person could add steps to the record")
	}
}

func TestWhatANodeDoesBesideTheAPIIsInTheRecordToo(t *testing.T) {
	cluster := start(t)
	person := cluster.Admin()
	kubelet := cluster.Client("kubelet", access.NodeClient("node-1"))
	asked := createPod(t, person, pod("a"))
	ref := trace.Ref{Resource: "pods", Namespace: "default", Name: "a"}
	ctx := trace.WithCauses(t.Context(), trace.Wrote(asked.ResourceVersion))
	kubelet.Recorder.Record(ctx, trace.Step{Verb: "create sandbox", Object: ref})
	want := []string{"kubelab-admin create pods/default/a (request)", "kubelet create sandbox pods/default/a (caused)"}
	waitFor(t, "the step to be delivered", func() bool { return len(trace.Chain(record(t, person), ref)) == 2 })
	chain := trace.Chain(record(t, person), ref)
	if diff := cmp.Diff(want, told(chain)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if gaps := trace.Gaps(chain); len(gaps) > 0 {
		t.Errorf("the chain has gaps: %v", gaps)
	}
}

// changeOf asks what the step that wrote a revision did.
func changeOf(c *operator.Client, revision string) (change trace.Change, err error) {
	answer := c.CoreV1().RESTClient().Get().AbsPath(trace.ChangePath(trace.Wrote(revision))).Do(context.Background())
	if err := answer.Error(); err != nil { // in the server's words, which Raw leaves in the body
		return change, err
	}
	body, _ := answer.Raw()
	return change, json.Unmarshal(body, &change)
}

func TestAStepOfAWriteTellsWhatTheObjectWasBeforeAndAfter(t *testing.T) {
	person := start(t).Admin()
	configMaps := person.CoreV1().ConfigMaps("default")
	create(t, person, configMap("ab"))
	made := create(t, person, configMap("a"))
	made.Data = map[string]string{"colour": "red"}
	painted, err := configMaps.Update(t.Context(), made, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := configMaps.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	var deleted string
	for _, step := range record(t, person) {
		if step.Object.Name == "a" && step.Verb == "delete" {
			deleted = strconv.FormatInt(step.Revision, 10)
		}
	}
	for _, c := range []struct {
		revision           string
		isBefore, isAfter  bool
		wantOld, wantAfter any
	}{
		{made.ResourceVersion, false, true, nil, nil},
		{painted.ResourceVersion, true, true, nil, map[string]any{"colour": "red"}},
		{deleted, true, false, map[string]any{"colour": "red"}, nil},
	} {
		change, err := changeOf(person, c.revision)
		if err != nil {
			t.Fatal(err)
		}
		if (change.Before != nil) != c.isBefore || (change.After != nil) != c.isAfter {
			t.Errorf("got %v, want before %t and after %t", change, c.isBefore, c.isAfter)
		}
		if diff := cmp.Diff([]any{c.wantOld, c.wantAfter}, []any{change.Before["data"], change.After["data"]}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if _, err := changeOf(person, "1"); !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), `"r1" not found`) {
		t.Errorf("got %v, want: there is no such step", err)
	}
}

func TestAChangeOfASecretTellsWhichValuesChangedAndNone(t *testing.T) {
	cluster := start(t)
	person := cluster.Admin()
	secrets := person.CoreV1().Secrets("default")
	secret, err := secrets.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "hidden", "kapp.k14s.io/original": "hidden"}},
		StringData: map[string]string{"user": "hidden", "key": "hidden", "old": "hidden"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	delete(secret.Data, "old")
	secret.Data["key"], secret.Data["new"] = []byte("hidden too"), []byte("hidden")
	if secret, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	change, err := changeOf(person, secret.ResourceVersion)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		map[string]any{"user": "***", "key": "*** (before)", "old": "*** (before)"},
		map[string]any{"user": "***", "key": "*** (after)", "new": "*** (after)"},
	}
	if diff := cmp.Diff(want, []any{change.Before["data"], change.After["data"]}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text := fmt.Sprint(change); strings.Contains(text, "hidden") || strings.Contains(text, "managedFields") {
		t.Errorf("the change shows what it must not: %s", text)
	}
	for _, other := range []access.Certificate{access.NodeClient("node-1"), access.ComponentOn("", declared("scheduler"))} {
		if _, err := changeOf(cluster.Client("other", other), secret.ResourceVersion); !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v, want that only administrators see changes", other.User, err)
		}
	}
}
