package rbac_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
)

const listerPod = `
apiVersion: v1
kind: Pod
metadata: {name: lister}
spec:
  serviceAccountName: lister
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: busybox, command: [/program/lister], volumeMounts: [{name: program, mountPath: /program}]}
  volumes:
  - {name: program, hostPath: {path: %s}}
`

func TestAProgramInAPodMayDoWhatABindingSaysOfItsAccount(t *testing.T) {
	c := clustertest.Start(t, "--nodes", "1")
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "lister"), "./testdata/lister")
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	c.Kubectl("create", "serviceaccount", "lister")
	c.Apply(fmt.Sprintf(listerPod, folder))
	c.Kubectl("wait", "--for=condition=Ready", "pod/lister", "--timeout=60s")
	said := func() string {
		line, _ := c.Try("kubectl", "logs", "lister", "--tail=1") // there is none while the kubelet is away
		return strings.TrimSpace(line)
	}
	const forbidden = `pods is forbidden: User "system:serviceaccount:default:lister" cannot list resource "pods" in API group "" in the namespace "default"`
	waitSaid := func(what, want string) {
		t.Helper()
		c.Wait(30*time.Second, what, func() bool { return strings.HasSuffix(said(), want) })
	}
	can := func(want string) {
		t.Helper()
		answer := c.Ask("", "auth", "can-i", "list", "pods", "--as", "system:serviceaccount:default:lister")
		if got := strings.TrimSpace(answer.Out); got != want {
			t.Errorf("kubectl auth can-i: %q %s, want %q", got, answer.Complaint, want)
		}
	}

	waitSaid("the program to be refused", forbidden)
	can("no")
	c.Kubectl("create", "role", "lister", "--verb=list", "--resource=pods")
	c.Kubectl("create", "rolebinding", "lister", "--role=lister", "--serviceaccount=default:lister")
	waitSaid("the program to list", "sees 1")
	can("yes")

	// A kubelet that comes back asks for new tokens, as it does when they grow old. The program never stops: client-go reads the file again.
	before, _, _ := strings.Cut(said(), " ")
	c.KillComponent("kubelet")
	c.Wait(3*time.Minute, "the program to use the next token", func() bool {
		now, rest, _ := strings.Cut(said(), " ")
		return strings.HasPrefix(now, "[JTI=") && now != before && rest == "sees 1"
	})
	if restarts := c.Kubectl("get", "pod", "lister", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); restarts != "0" {
		t.Errorf("the program was started again %s times", restarts)
	}
	c.Kubectl("delete", "rolebinding", "lister")
	waitSaid("the program to be refused again", forbidden)

	t.Run("TheRolesOfEveryClusterHaveTheirRulesAndReconcileAgrees", func(t *testing.T) {
		c := c.In(t)
		c.Wait(30*time.Second, "the rules of admin to be gathered", func() bool {
			return strings.Contains(c.Kubectl("describe", "clusterrole", "admin"), "rolebindings.rbac.authorization.k8s.io")
		})
		c.Kubectl("create", "rolebinding", "viewer", "--clusterrole=view", "--user=ada")
		c.Wait(10*time.Second, "ada to see pods", func() bool {
			return c.Ask("", "get", "pods", "--as", "ada").Code == 0
		})
		if answer := c.Ask("", "get", "secrets", "--as", "ada"); answer.Code == 0 || !strings.Contains(answer.Complaint, `User "ada" cannot list resource "secrets"`) {
			t.Errorf("secrets: %+v", answer)
		}
		if list := c.Kubectl("auth", "can-i", "--list", "--as", "ada"); !strings.Contains(list, "deployments.apps") || strings.Contains(list, "secrets") {
			t.Errorf("kubectl auth can-i --list:\n%s", list)
		}
		role := c.Kubectl("get", "clusterrole", "view", "-o", "yaml")
		if answer := c.Ask(role, "auth", "reconcile", "-f", "-"); answer.Code != 0 {
			t.Errorf("kubectl auth reconcile: %+v", answer)
		}
	})
}
