package sysctls_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// manifest is a pod that sets a parameter and shows how long a quiet connection is left alone.
func manifest(pod, parameter, value string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  restartPolicy: Never
  securityContext: {sysctls: [{name: %s, value: %q}]}
  containers: [{name: main, image: busybox, command: [cat, /proc/sys/net/ipv4/tcp_keepalive_time]}]
`, pod, parameter, value)
}

func TestAPodSetsWhatIsItsOwnAndSafeAndIsRefusedWhatIsNot(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1")
	field := func(pod, path string) string {
		return strings.TrimSpace(c.Kubectl("get", "pod", pod, "-o", "jsonpath={"+path+"}"))
	}
	c.Apply(manifest("tuned", "net/ipv4/tcp_keepalive_time", "611"))
	c.Apply(manifest("unsafe", "kernel.msgmax", "65536"))
	c.Apply(manifest("wrong", "net.ipv4.tcp_keepalive_time", "often"))
	c.Wait(time.Minute, "the pod that may set it to have looked", func() bool { return field("tuned", ".status.phase") == "Succeeded" })
	if log := c.Kubectl("logs", "tuned"); strings.TrimSpace(log) != "611" {
		t.Errorf("the pod that set it sees %q", log)
	}
	if own, err := os.ReadFile("/proc/sys/net/ipv4/tcp_keepalive_time"); err != nil || strings.TrimSpace(string(own)) == "611" {
		t.Errorf("the machine's own is %q, %v", own, err)
	}
	c.Wait(time.Minute, "the other to be refused", func() bool { return field("unsafe", ".status.phase") == "Failed" })
	if got := field("unsafe", ".status.reason") + ": " + field("unsafe", ".status.message"); got != `SysctlForbidden: Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted` {
		t.Errorf("it says %s", got)
	}
	c.Wait(time.Minute, "an event about a value that the kernel does not take", func() bool {
		events := c.Kubectl("get", "events", "--field-selector", "involvedObject.name=wrong,reason=FailedCreatePodSandBox", "-o", "jsonpath={.items[*].message}")
		return strings.Contains(events, "set the pod's kernel parameters net.ipv4.tcp_keepalive_time: ")
	})
}
