package initcontainers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
)

// pod reads what the containers of a pod have done, a word for each: "a init 0", "s sidecar started", "m main runs", "e ephemeral -". A number is the code with
// which it has ended, - is nothing, and what is in brackets was in a sandbox before this one: "a init (0)".
func pod(t *testing.T, policy corev1.RestartPolicy, text string) []Container {
	t.Helper()
	spec := &corev1.PodSpec{RestartPolicy: policy}
	did := map[string]string{}
	for _, line := range strings.Split(text, ", ") {
		words := strings.Fields(line)
		c := corev1.Container{Name: words[0]}
		did[words[0]] = words[2]
		switch words[1] {
		case "init":
			spec.InitContainers = append(spec.InitContainers, c)
		case "sidecar":
			always := corev1.ContainerRestartPolicyAlways
			c.RestartPolicy = &always
			spec.InitContainers = append(spec.InitContainers, c)
		case "main":
			spec.Containers = append(spec.Containers, c)
		case "ephemeral":
			spec.EphemeralContainers = append(spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(c)})
		}
	}
	var all []Container
	for _, m := range podspec.Members(spec) {
		word := strings.Trim(did[m.Name], "()")
		c := Container{Member: m, Here: word == did[m.Name], Did: Did(word)}
		if word == "-" {
			c.Did = Nothing
		} else if _, err := fmt.Sscan(word, &c.Code); err == nil {
			c.Did = Ended
		}
		all = append(all, c)
	}
	return all
}

// said is a decision in a line.
func said(d Decision) string {
	words := slices.Clone(d.Run)
	for word, is := range map[string]bool{"over": d.Over, "failed:" + d.Failed: d.Failed != ""} {
		if is {
			words = append(words, word)
		}
	}
	slices.Sort(words[len(d.Run):])
	return strings.Join(words, " ")
}

const always, onFailure, never = corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever

// row is what the containers of a pod have done, and what is to run then.
type row struct {
	rule   string
	policy corev1.RestartPolicy
	is     string
	want   string
}

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, c := range rows {
		if diff := cmp.Diff(c.want, said(Plan(pod(t, c.policy, c.is)))); diff != "" {
			t.Errorf("%s (policy %s, %s) (-want +got):\n%s", c.rule, c.policy, c.is, diff)
		}
	}
}

func TestTheSequenceRunsInItsOrder(t *testing.T) {
	check(t, []row{
		{"without a sequence the main containers start", always, "m main -, n main -", "m n"},
		{"first comes the first", always, "a init -, b init -, m main -", "a"},
		{"it runs", always, "a init runs, b init -, m main -", "a"},
		{"the next starts when it has ended with 0", always, "a init 0, b init -, m main -", "b"},
		{"after the last come the main ones, all at once", always, "a init 0, b init 0, m main -, n main -", "m n"},
	})
}

func TestOneThatFailsIsTriedAgainOrEndsThePod(t *testing.T) {
	check(t, []row{
		{"one that fails is tried again", always, "a init 1, b init -, m main -", "a"},
		{"… also where the pod is to come to an end", onFailure, "a init 1, b init -, m main -", "a"},
		{"… but not where nothing is tried again", never, "a init 1, b init -, m main -", "failed:a over"},
		{"… and it need not be the first", never, "a init 0, b init 7, m main -", "failed:b over"},
	})
}

func TestWhatWasDoneOnceInASandboxIsNotDoneAgain(t *testing.T) {
	check(t, []row{
		{"a main container is restarted alone", always, "a init 0, b init 0, m main 1", "m"},
		{"… though the init containers' records are gone", always, "a init -, b init -, m main 1", "m"},
		{"… and though one of them would be to run", always, "a init -, b init 1, m main runs", "m"},
		{"the one before was through, though its record is gone", always, "a init -, b init runs, m main -", "b"},
		{"a new sandbox begins anew", always, "a init (0), b init (0), m main (1)", "a"},
		{"… and goes on", always, "a init 0, b init (0), m main (1)", "b"},
		{"… unless all is done", onFailure, "a init (0), m main (0)", "over"},
		{"… or had failed for good", never, "a init (1), m main -", "failed:a over"},
	})
}

func TestASidecarStartsInItsPlaceAndIsRestartedByItself(t *testing.T) {
	check(t, []row{
		{"a sidecar starts in its place", always, "a init -, s sidecar -, b init -, m main -", "a"},
		{"… when what is before it is done", always, "a init 0, s sidecar -, b init -, m main -", "s"},
		{"the next waits until it has started", always, "s sidecar runs, b init -, m main -", "s"},
		{"… and no longer", always, "s sidecar started, b init -, m main -", "s b"},
		{"the main ones wait for the last one too", always, "a init 0, s sidecar runs, m main -", "s"},
		{"… and start beside it", always, "a init 0, s sidecar started, m main -", "s m"},
		{"one that ended before it had started is tried again, and waited for", never, "s sidecar 1, b init -, m main -", "s"},
		{"one that ends later is restarted beside the init container that runs", never, "s sidecar 1, b init runs, m main -", "s b"},
		{"… and holds up none after that", always, "s sidecar 1, b init 0, m main -", "s m"},
		{"… and is restarted without the pod", never, "s sidecar 0, m main started", "s m"},
		{"… while it starts anew", always, "s sidecar runs, t sidecar 0, m main started", "s t m"},
		{"in a new sandbox it starts in its place again", always, "a init (0), s sidecar (1), m main (1)", "a"},
	})
}

func TestASidecarKeepsNoPodAlive(t *testing.T) {
	check(t, []row{
		{"a sidecar keeps no pod alive", never, "s sidecar started, m main 0", "over"},
		{"… nor does one that is to be restarted", onFailure, "s sidecar 1, m main 0, n main 0", "over"},
		{"… while a main container runs it is there", never, "s sidecar started, m main 0, n main started", "s m n"},
		{"… while one is to be restarted too", onFailure, "s sidecar started, m main 1", "s m"},
		{"an init container that failed for good needs none either", never, "s sidecar started, b init 1, m main -", "failed:b over"},
	})
}

func TestAnEphemeralContainerWaitsForNone(t *testing.T) {
	check(t, []row{
		{"an ephemeral container waits for none", always, "a init runs, m main -, e ephemeral -", "a e"},
		{"… and keeps no pod alive", never, "m main 0, e ephemeral started", "over"},
	})
}

func TestSidecarsStopAfterTheMainContainersTheLastOneFirst(t *testing.T) {
	for _, c := range []struct{ rule, is, want string }{
		{"the main ones first, at once", "s sidecar started, t sidecar started, m main started, n main runs", "n m"},
		{"as long as one of them runs", "s sidecar started, t sidecar started, m main started, n main 0", "m"},
		{"then the last sidecar", "s sidecar started, t sidecar started, m main 0, n main 0", "t"},
		{"then the one before it", "s sidecar started, t sidecar 0, m main 0", "s"},
		{"one that is starting too", "s sidecar started, t sidecar runs, m main -", "t"},
		{"an init container at once", "s sidecar started, a init runs, m main -", "a s"},
		{"an ephemeral one at once", "s sidecar started, m main started, e ephemeral started", "e m"},
		{"nothing where nothing runs", "s sidecar 0, m main 0", ""},
	} {
		if diff := cmp.Diff(c.want, strings.Join(Stop(pod(t, always, c.is)), " ")); diff != "" {
			t.Errorf("%s (%s) (-want +got):\n%s", c.rule, c.is, diff)
		}
	}
}
