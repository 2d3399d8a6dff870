//go:build linux

package cluster_test

import (
	"bufio"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

func TestUpIsDoneWhenAPodCanRunAndReachAService(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "2")
	if len(clustertest.Traces(c.Name, c.DataDir)) == 0 {
		t.Error("the test that nothing is left behind sees nothing of a running cluster either")
	}
	c.Kubectl("run", "web", "--image=busybox", "--restart=Never", "--expose", "--port=80", "--", "sh", "-c", "echo hello >index.html; httpd -f")
	c.Wait(20*time.Second, "the pod to be ready", func() bool {
		out, err := c.Try("kubectl", "get", "pod", "web", "-o", "jsonpath={.status.phase}")
		return err == nil && out == "Running"
	})
	c.Wait(20*time.Second, "an answer of the service by its name", func() bool {
		out, err := c.Try("kubectl", "exec", "web", "--", "wget", "-qO-", "http://web.default.svc.cluster.local")
		return err == nil && out == "hello"
	})
}

func TestASupervisorThatIsKilledTakesNothingWithItAndTheNextUpAdoptsTheCluster(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1")
	hosts := c.Kube("node", "list", "--name", c.Name)
	c.KillSupervisor()
	c.Wait(5*time.Second, "a warning that nothing comes back", func() bool {
		said, err := c.Command(t.Context(), "kube", "node", "list", "--name", c.Name).CombinedOutput()
		return err == nil && strings.Contains(string(said), "kube up --name "+c.Name)
	})
	c.Up()
	if again := c.Kube("node", "list", "--name", c.Name); again != hosts {
		t.Errorf("the hosts were:\n%s\nand are:\n%s", hosts, again)
	}
}

func TestASecondUpSaysThatTheClusterRunsAndThatItCanBeUsed(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "0")
	c.Kube("node", "kill", "control-plane", "--name", c.Name) // which cannot be used: up is to change that
	if out := c.Kube("up", "--name", c.Name, "--data-dir", c.DataDir); !strings.Contains(out, "runs already") {
		t.Errorf("it says:\n%s", out)
	}
	c.Kubectl("get", "--raw", "/readyz")
}

func TestCtrlCTakesTheClusterDown(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "0")
	c.Down()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	up := c.Command(ctx, "kube", "up", "--name", c.Name, "--data-dir", c.DataDir, "--nodes", "1")
	out, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
		t.Log(lines.Text())
	}
	c.Kubectl("get", "nodes")
	if err := up.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	if err := up.Wait(); err != nil {
		t.Error(err)
	}
	if traces := clustertest.Traces(c.Name, c.DataDir); len(traces) > 0 {
		t.Errorf("the machine still has:\n%s", strings.Join(traces, "\n"))
	}
}

func TestWhoeverIsNotRootIsToldWhatToSay(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "0")
	up := c.Command(t.Context(), "kube", "up", "--name", "other", "--data-dir", t.TempDir())
	up.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := up.CombinedOutput(); err == nil || !strings.Contains(string(out), "sudo") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAnIsolatedClusterIsUsable(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1", "--isolated")
	c.Kubectl("get", "--raw", "/readyz")
}

func TestDownKeepsTheDataThatTheNextUpGoesOnFrom(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "0")
	c.Kubectl("create", "configmap", "kept", "--from-literal=is=here")
	c.Kube("down", "--name", c.Name, "--keep-data")
	if _, err := os.Stat(c.DataDir); err != nil {
		t.Fatal(err)
	}
	c.Up()
	if got := c.Kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.is}"); got != "here" {
		t.Errorf("it says %q", got)
	}
}
