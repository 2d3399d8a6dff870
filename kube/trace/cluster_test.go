package trace_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/trace"
)

const application = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: busybox, command: [sleep, "1000000"]}]
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{port: 80}]
---
`

func chain(c *clustertest.Cluster, object string) []trace.Step {
	c.T.Helper()
	var steps []trace.Step
	if err := json.Unmarshal([]byte(c.Kube("why", "--json", object)), &steps); err != nil {
		c.T.Fatal(err)
	}
	return steps
}

// rulesOn are the hosts on which the rules of a service were loaded.
func rulesOn(steps []trace.Step) []string {
	var hosts []string
	for _, step := range steps {
		if step.Verb == "load rules" {
			hosts = append(hosts, step.Host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func TestWhyInACluster(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(fmt.Sprintf(application, "one") + fmt.Sprintf(application, "two")) // two at once
	c.WaitReady("default", "app=one", 2)
	c.WaitReady("default", "app=two", 2)
	names := strings.Fields(c.Kubectl("get", "pods", "-l", "app=one", "-o", "jsonpath={.items[*].metadata.name}"))
	pod := "pod/" + names[0]
	c.Wait(30*time.Second, "the rules on all three nodes to be in the record", func() bool { return len(rulesOn(chain(c, pod))) == 3 })

	t.Run("AChainLeadsFromThePersonsCommandToTheRulesOnEachNodeWithoutAGap", func(t *testing.T) {
		steps := chain(c, pod)
		if first := steps[0]; first.Root != trace.Request || first.Component != "kubelab-admin" || !strings.HasPrefix(first.Detail, "kubectl/") {
			t.Errorf("it begins with %+v, want the person's request", first)
		}
		if gaps := trace.Gaps(steps); len(gaps) > 0 {
			t.Errorf("steps without a cause: %+v", gaps)
		}
		var verbs []string
		for _, step := range steps {
			verbs = append(verbs, step.Verb)
		}
		for _, verb := range []string{"create binding", "create netns", "attach veth", "start shim", "mount rootfs", "start process", "patch status", "load rules"} {
			if !slices.Contains(verbs, verb) {
				t.Errorf("nobody says %q: %q", verb, verbs)
			}
		}
	})

	t.Run("TwoDeploymentsMadeAtOnceDoNotMixTheirChains", func(t *testing.T) {
		for _, step := range chain(c, pod) {
			if strings.HasPrefix(step.Object.Name, "two") {
				t.Errorf("the chain of %s has a step on %s: %+v", pod, step.Object, step)
			}
		}
	})

	t.Run("TheAnswerIsTheSameAfterKillingEtcdAndTheAPIServer", func(t *testing.T) {
		before := chain(c, pod)
		c.KillComponent("etcd")
		c.KillComponent("apiserver")
		c.Wait(30*time.Second, "the API to be back", func() bool {
			_, err := c.Try("kubectl", "get", "--raw", "/readyz")
			return err == nil
		})
		if diff := cmp.Diff(before, chain(c, pod)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})

	t.Run("TheChainOfARestartedContainerBeginsWithItsExit", func(t *testing.T) {
		c.KillContainer("default", names[0])
		c.Wait(30*time.Second, "the container to run again", func() bool {
			return c.Kubectl("get", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}{.status.containerStatuses[0].ready}") == "1true"
		})
		var restart []trace.Step
		c.Wait(30*time.Second, "the restart to be in the record", func() bool {
			steps := chain(c, pod)
			last := slices.IndexFunc(steps, func(s trace.Step) bool { return s.Verb == "exit" })
			if last < 0 {
				return false
			}
			restart = steps[last:]
			return slices.ContainsFunc(restart, func(s trace.Step) bool { return s.Verb == "start process" })
		})
		if restart[0].Root != trace.Event || !strings.Contains(restart[0].Detail, "137") {
			t.Errorf("the exit is %+v, want an event with code 137", restart[0])
		}
		started := restart[slices.IndexFunc(restart, func(s trace.Step) bool { return s.Verb == "start process" })]
		if roots := rootsOf(restart, started); !slices.Equal(roots, []trace.ID{restart[0].ID}) {
			t.Errorf("the start goes back to %v, want the exit %s only", roots, restart[0].ID)
		}
	})
}

// rootsOf follows the causes of a step to where they end within the given steps.
func rootsOf(steps []trace.Step, from trace.Step) []trace.ID {
	byID := map[trace.ID]trace.Step{}
	for _, step := range steps {
		byID[step.ID] = step
	}
	var roots []trace.ID
	seen := map[trace.ID]bool{}
	var up func(step trace.Step)
	up = func(step trace.Step) {
		if seen[step.ID] {
			return
		}
		seen[step.ID] = true
		if step.Root != "" {
			roots = append(roots, step.ID)
		}
		for _, id := range step.Causes {
			if cause, known := byID[id]; known {
				up(cause)
			}
		}
	}
	up(from)
	return roots
}
