//go:build linux

package eviction_test

import (
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

func TestAPodWhoseVolumeOnTheDiskExceedsItsLimitIsEvictedAndAnotherStays(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1", "--no-site")
	c.Apply(`
apiVersion: v1
kind: Pod
metadata: {name: modest}
spec:
  containers: [{name: main, image: busybox, command: [sh, -c, "dd if=/dev/zero of=/data/file bs=1M count=1; sleep 1000000"], volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {sizeLimit: 8Mi}}]
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  containers: [{name: main, image: busybox, command: [sh, -c, "dd if=/dev/zero of=/data/file bs=1M count=9; sleep 1000000"], volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {sizeLimit: 8Mi}}]
`)
	c.Kubectl("wait", "pod", "greedy", "--for=jsonpath={.status.phase}=Failed", "--timeout=90s")
	said := c.Kubectl("get", "pod", "greedy", "-o", "jsonpath={.status.reason}: {.status.message}")
	if want := `Evicted: Usage of EmptyDir volume "data" exceeds the limit "8Mi".`; strings.TrimSpace(said) != want {
		t.Errorf("the pod says %q, not %q", said, want)
	}
	time.Sleep(11 * time.Second) // it is measured once more
	if phase := c.Kubectl("get", "pod", "modest", "-o", "jsonpath={.status.phase}"); phase != "Running" {
		t.Errorf("the pod that keeps within its limit is %s", phase)
	}
}
