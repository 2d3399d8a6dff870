package apiserver_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

func TestProgramsInPythonWorkWithTheCluster(t *testing.T) {
	const python = "/usr/bin/python3" // the system's, which has the system's libraries
	if out, err := exec.Command(python, "-c", "import kubernetes.stream").CombinedOutput(); err != nil {
		t.Skipf("needs Debian's python3-kubernetes, the client of programs in Python (scripts/setup --develop): %v %s", err, out)
	}
	c := clustertest.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "testdata/client.py", c.Kubeconfig).CombinedOutput()
	if err != nil {
		t.Errorf("%v after:\n%s", err, out)
	}
	for _, want := range []string{"discover", "watch", "watch again", "logs", "exec", "port-forward", "write", "pages", "deployment", "delete", "review"} {
		if !strings.Contains(string(out), "ok "+want+"\n") {
			t.Errorf("it did not come to %q", want)
		}
	}
}
