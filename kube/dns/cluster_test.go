package dns_test

import (
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

// A headless service whose pod has a hostname, an alias, and a client.
const objects = `
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: db.default.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, labels: {app: db}}
spec:
  hostname: db-0
  subdomain: db
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "1000000"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "1000000"]}]
`

func TestNamesInACluster(t *testing.T) {
	c := clustertest.Start(t)
	c.Apply(objects)
	c.Kubectl("wait", "--for=condition=Ready", "pod/db-0", "pod/client", "--timeout=60s")
	ip := strings.TrimSpace(c.Kubectl("get", "pod", "db-0", "-o", "jsonpath={.status.podIP}"))
	api := strings.TrimSpace(c.Kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"))

	for name, want := range map[string]string{
		"kubernetes.default.svc.cluster.local":                          api,
		"db.default.svc.cluster.local":                                  ip,
		"db-0.db.default.svc.cluster.local":                             ip,
		"alias.default.svc.cluster.local":                               ip,
		strings.ReplaceAll(ip, ".", "-") + ".default.pod.cluster.local": ip,
		ip: "db-0.db.default.svc.cluster.local",
	} {
		c.Wait(20*time.Second, name+" to be "+want, func() bool {
			out, err := c.Try("kubectl", "exec", "client", "--", "nslookup", name)
			return err == nil && strings.Contains(out, want)
		})
	}
	t.Run("AShortNameIsFoundThroughTheSearchDomains", func(t *testing.T) {
		if out, err := c.Try("kubectl", "exec", "client", "--", "ping", "-c1", "-W5", "db-0.db"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("ANameThatDoesNotExistIsDeniedAtOnce", func(t *testing.T) {
		start := time.Now()
		out, err := c.Try("kubectl", "exec", "client", "--", "nslookup", "nothing.default.svc.cluster.local")
		if err == nil || !strings.Contains(out, "NXDOMAIN") || time.Since(start) > 3*time.Second {
			t.Errorf("after %s: %v: %s", time.Since(start), err, out)
		}
	})
}
