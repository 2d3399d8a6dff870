package exercise

import (
	"os"
	"strings"
	"testing"

	"kubelab/kube/cluster/clustertest"
)

// nodesOf starts six pods of one ReplicaSet in a cluster, and says on how many nodes they are.
func nodesOf(t *testing.T, arguments ...string) int {
	t.Helper()
	c := clustertest.Start(t, append([]string{"--no-site"}, arguments...)...)
	c.Kubectl("create", "deployment", "web", "--image=busybox", "--replicas=6", "--", "sleep", "1000000")
	c.WaitReady("default", "app=web", 6)
	nodes := map[string]bool{}
	for _, node := range strings.Fields(c.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.nodeName}")) {
		nodes[node] = true
	}
	return len(nodes)
}

func TestAClusterRunsOnAStudentsSchedulerThatPacksInsteadOfSpreading(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a node is made of namespaces and cgroups")
	}
	source, err := FindSource("", ".")
	if err != nil {
		t.Fatal(err)
	}
	w := Work{Exercise: named(t, "scheduler"), Dir: t.TempDir(), Source: source}
	solve(t, w)
	plan, err := os.ReadFile(w.own("plan.go"))
	if err != nil {
		t.Fatal(err)
	}
	packing := strings.Replace(string(plan), "fewestWin, rateSiblings", "mostWin, rateSiblings", 1)
	if packing == string(plan) {
		t.Fatal("the scheduler does not rate siblings as this test believes")
	}
	if err := os.WriteFile(w.own("plan.go"), []byte(packing), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := w.Build(t.Context(), source+"/bin")
	if err != nil {
		t.Fatal(err)
	}
	if n := nodesOf(t, "--bin", bin); n != 1 {
		t.Errorf("the student's scheduler uses %d nodes, want 1", n)
	}
	if n := nodesOf(t); n != 3 {
		t.Errorf("the reference uses %d nodes, want 3", n)
	}
}
