package operator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/operator"
)

func TestStepModeInACluster(t *testing.T) {
	c := clustertest.Start(t)
	phases := func() string { return c.Kubectl("get", "pods", "-o", "jsonpath={.items[*].status.phase}") }
	waits := func(names ...string) { // in any order: a scheduler that begins anew meets them as it finds them
		c.Wait(10*time.Second, strings.Join(names, ", ")+" to wait for the scheduler", func() bool {
			list := c.Kube("step", "list")
			missing := slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(list, "pods/default/"+name) })
			return !missing && strings.Count(list, "pods/default/") == len(names)
		})
	}
	renewals := func() string {
		return c.Kubectl("get", "leases", "-A", "-o", "jsonpath={.items[*].spec.renewTime}")
	}
	c.Kube("step", "hold", "scheduler")
	for _, name := range []string{"a", "b"} {
		c.Kubectl("run", name, "--image=busybox", "--", "sleep", "1000000")
	}
	waits("a", "b")

	t.Run("HeartbeatsAndElectionsGoOnWhileEveryLoopIsHeld", func(t *testing.T) {
		c := c.In(t)
		held := []string{"node-health", "node", "kubelet", "rules"}
		for _, loop := range held {
			c.Kube("step", "hold", loop)
		}
		before := strings.Fields(renewals())
		c.Wait(10*time.Second, "every lease to be renewed", func() bool {
			for i, now := range strings.Fields(renewals()) {
				if now == before[i] {
					return false
				}
			}
			return true
		})
		for _, loop := range held {
			c.Kube("step", "release", loop)
		}
	})

	t.Run("OneTurnGoesOnAtATimeAlsoWhenTheHeldLoopIsKilled", func(t *testing.T) {
		c := c.In(t)
		c.KillComponent("scheduler")
		c.Kubectl("run", "c", "--image=busybox", "--", "sleep", "1000000") // what its successor lets through would be seen here
		waits("a", "b", "c")
		if got := phases(); got != "Pending Pending Pending" {
			t.Errorf("held, the pods are %s", got)
		}
		c.Kube("step", "next", "scheduler")
		c.Wait(20*time.Second, "one pod to run", func() bool { return strings.Count(phases(), "Running") == 1 })
		if got := strings.Count(phases(), "Pending"); got != 2 {
			t.Errorf("%d pods wait, want 2", got)
		}
		c.Kube("step", "release", "--all")
		c.WaitReady("default", "", 3)
		if got := c.Kubectl("get", "configmap", operator.StepMode, "-n", "kube-system", "--ignore-not-found"); got != "" {
			t.Errorf("nothing is held, and there is still\n%s", got)
		}
	})
}
