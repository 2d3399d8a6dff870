package apiserver_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	scheduler := cluster.Client("scheduler", access.Client(access.ControllersUser))
	asked := create(t, person, configMap("a"))
	ctx := trace.WithCauses(t.Context(), trace.Wrote(asked.ResourceVersion))
	ctx = trace.Because(ctx, "it was asked for")
	done, err := scheduler.CoreV1().ConfigMaps("default").Create(ctx, configMap("b"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	chain := trace.Chain(record(t, person), trace.Ref{Resource: "configmaps", Namespace: "default", Name: "b"})
	want := []string{
		"kubelab-admin create configmaps/default/a (request)",
		"scheduler create configmaps/default/b (caused)",
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
