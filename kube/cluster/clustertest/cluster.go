// Package clustertest starts a real cluster for a test, with a name, addresses and data of its own, and drives it
// with the real kubectl. It stands beside any cluster that is already there.
package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
)

// Cluster is a running cluster. It goes down when its test ends.
type Cluster struct {
	T          testing.TB
	Name       string
	DataDir    string
	Kubeconfig string
	bin        string
}

// Start brings up a cluster with the given further arguments of kube up, and waits until it is usable.
func Start(t testing.TB, arguments ...string) *Cluster {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a node is made of namespaces and cgroups")
	}
	c := &Cluster{T: t, Name: "t" + rand.String(5), bin: binaries(t)}
	dir, err := os.MkdirTemp("", "kubelab-"+c.Name+"-") // the data directory of a test; down removes it
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir = filepath.Join(dir, "data")
	c.Kubeconfig = filepath.Join(dir, "kubeconfig")
	t.Cleanup(func() {
		if t.Failed() {
			c.tellLogs()
		}
		c.Down()
		if traces := Traces(c.Name, c.DataDir); len(traces) > 0 {
			t.Errorf("after kube down the machine still has:\n%s", strings.Join(traces, "\n"))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove what the test's cluster left: %v", err)
		}
	})
	c.Up(arguments...)
	return c
}

// Up runs kube up --detach.
func (c *Cluster) Up(arguments ...string) {
	c.T.Helper()
	c.Kube(append([]string{"up", "--detach", "--data-dir", c.DataDir, "--name", c.Name}, arguments...)...)
}

// Down runs kube down.
func (c *Cluster) Down() {
	c.T.Helper()
	c.Kube("down", "--data-dir", c.DataDir, "--name", c.Name)
}

// binaries is the folder of the programs that scripts/build made.
func binaries(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	bin := filepath.Join(filepath.Dir(here), "..", "..", "..", "bin")
	for _, program := range []string{"kube", "kube-shim", "kube-pause", "kubectl"} {
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			t.Fatalf("%v: run scripts/build first (scripts/test does)", err)
		}
	}
	return bin
}

// Kube runs the program kube, with this cluster's kubeconfig, and returns what it printed.
func (c *Cluster) Kube(arguments ...string) string {
	c.T.Helper()
	out, err := c.Try("kube", arguments...)
	if err != nil {
		c.T.Fatalf("kube %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// Kubectl runs the real kubectl and returns what it printed on stdout.
func (c *Cluster) Kubectl(arguments ...string) string {
	c.T.Helper()
	out, err := c.Try("kubectl", arguments...)
	if err != nil {
		c.T.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// Try runs kube or kubectl. On an error the text is what the program printed on both its outputs.
func (c *Cluster) Try(program string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var out, complaint bytes.Buffer
	command := c.Command(ctx, program, arguments...)
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	if err != nil {
		return out.String() + complaint.String(), err
	}
	return strings.TrimSpace(out.String()), nil
}

// Home is the home directory of those who use the cluster: nobody's settings are there.
func (c *Cluster) Home() string { return filepath.Dir(c.Kubeconfig) }

// Command prepares kube or kubectl for this cluster.
func (c *Cluster) Command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(c.bin, program), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "HOME="+c.Home())
	return command
}

// Apply hands a manifest to kubectl apply.
func (c *Cluster) Apply(manifest string) {
	c.T.Helper()
	command := c.Command(context.Background(), "kubectl", "apply", "-f", "-")
	command.Stdin = strings.NewReader(manifest)
	if out, err := command.CombinedOutput(); err != nil {
		c.T.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

// Wait asks until the answer is yes, and fails the test when that takes too long.
func (c *Cluster) Wait(limit time.Duration, what string, answer func() bool) {
	c.T.Helper()
	deadline := time.Now().Add(limit)
	for !answer() {
		if time.Now().After(deadline) {
			pods, _ := c.Try("kubectl", "get", "pods,nodes", "-A", "-o", "wide")
			c.T.Fatalf("waited %s for %s\n%s", limit, what, pods)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// WaitReady waits until as many pods as wanted match the label selector and are ready, and no others do.
func (c *Cluster) WaitReady(namespace, selector string, wanted int) {
	c.T.Helper()
	c.Wait(time.Minute, fmt.Sprintf("%d ready pods of %s in %s", wanted, selector, namespace), func() bool {
		out, err := c.Try("kubectl", "get", "pods", "-n", namespace, "-l", selector,
			"-o", `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{.metadata.deletionTimestamp}{"\n"}{end}`)
		lines := strings.Fields(out)
		for _, line := range lines {
			if line != "True" {
				return false
			}
		}
		return err == nil && len(lines) == wanted
	})
}

// tellLogs prints the end of every component's log: it is what one looks at first.
func (c *Cluster) tellLogs() {
	logs, _ := filepath.Glob(filepath.Join(c.DataDir, "hosts", "*", "log", "*.log")) // the pattern is valid
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err != nil || len(content) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(content)), "\n")
		c.T.Logf("%s:\n%s", path, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
}

// SwitchPath is the network namespace of the switch that the cluster's hosts are plugged into; its bridge is called switch.
func (c *Cluster) SwitchPath() string { return filepath.Join("/run/kubelab", c.Name, "switch") }
