package apiserver_test

import (
	"fmt"
	"strings"
	"testing"

	"kubelab/kube/cluster/clustertest"
)

// podWith is a manifest of a pod of one container, with further fields of the container and of the pod.
func podWith(name, container, spec string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  terminationGracePeriodSeconds: 0\n"+
		"  containers: [{name: main, %s}]\n%s", name, container, spec)
}

const idle = `image: busybox, command: [sleep, "1000000"]`

func TestEveryMistakeIsAnsweredWithItsReason(t *testing.T) {
	c := clustertest.Start(t)

	for _, mistake := range []struct {
		name, manifest, answer string
	}{
		{"AnUnknownFieldIsNamed", podWith("bad", idle+", comand: [ls]", ""),
			`strict decoding error: unknown field "spec\.containers\[0\]\.comand"`},
		{"AFieldOfTheWrongTypeIsNamed", podWith("bad", "image: busybox, command: ls", ""),
			`cannot unmarshal string into Go struct field Container\.spec\.containers\.command of type \[\]string`},
		{"AnInvalidNameIsToldTheRule", podWith("Bad_Name", idle, ""),
			`The Pod "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of`},
		{"AMissingFieldIsRequired", podWith("bad", "command: [ls]", ""),
			`The Pod "bad" is invalid: spec\.containers\[0\]\.image: Required value`},
		{"AnUnknownKindIsToldApart", strings.Replace(podWith("bad", idle, ""), "kind: Pod", "kind: Unicorn", 1),
			`no matches for kind "Unicorn" in version "v1"`},
		{"AMissingNamespaceIsNamed", strings.Replace(podWith("bad", idle, ""), "{name: bad}", "{name: bad, namespace: nowhere}", 1),
			`namespaces "nowhere" not found`},
		{"WhatKubelabLacksIsForbidden", podWith("bad", idle, "  hostUsers: false\n"),
			`spec\.hostUsers: Forbidden: kubelab does not have this yet`},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			u := user{c.In(t)}
			u.fails(mistake.manifest, mistake.answer, "apply", "-f", "-")
			u.fails("", `not found`, "get", "pod", "bad")
		})
	}

	t.Run("WhatExistsIsNotCreatedAgain", func(t *testing.T) {
		u := user{c.In(t)}
		u.saysTo(podWith("twin", idle, ""), `pod/twin created`, "create", "-f", "-")
		u.fails(podWith("twin", idle, ""), `\(AlreadyExists\).*pods "twin" already exists`, "create", "-f", "-")
		u.fails(podWith("twin", "image: busybox, command: [sleep, \"1\"]", ""), `Forbidden: pod updates may not change fields other than`, "apply", "-f", "-")
	})

	// The pods of all these stand side by side, so that one waits for the slowest and not for each.
	for name, manifest := range map[string]string{
		"no-image":   podWith("no-image", "image: registry.invalid/no/such:1", ""),
		"no-command": podWith("no-command", "image: busybox, command: [nosuchcommand]", ""),
		"no-key":     podWith("no-key", idle+", env: [{name: A, valueFrom: {configMapKeyRef: {name: late, key: k}}}]", ""),
		"too-big":    podWith("too-big", idle+`, resources: {requests: {cpu: "1000"}}`, ""),
		"too-picky":  podWith("too-picky", idle, "  nodeSelector: {disk: golden}\n"),
	} {
		user{c}.saysTo(manifest, "pod/"+name+" created", "apply", "-f", "-")
	}

	t.Run("AnImageThatDoesNotExistIsTriedAgainLaterAndSaysSo", func(t *testing.T) {
		u := user{c.In(t)}
		u.until(`ErrImagePull|ImagePullBackOff`, "get", "pod", "no-image")
		u.until(`ImagePullBackOff`, "get", "pod", "no-image")
		u.until(`(?s)Failed to pull image "registry\.invalid/no/such:1":.*Error: ErrImagePull.*|Back-off pulling image`, "describe", "pod", "no-image")
		u.until(`registry\.invalid`, "get", "pod", "no-image", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}")
	})

	t.Run("ACommandThatDoesNotExistIsNamed", func(t *testing.T) {
		u := user{c.In(t)}
		u.until(`CreateContainerError|RunContainerError|CrashLoopBackOff`, "get", "pod", "no-command")
		u.until(`Error: .*"nosuchcommand": executable file not found in \$PATH`, "describe", "pod", "no-command")
	})

	t.Run("AMissingKeyIsNamedAndThePodStartsWhenItAppears", func(t *testing.T) {
		u := user{c.In(t)}
		u.until(`CreateContainerConfigError`, "get", "pod", "no-key")
		u.until(`Error: configmap "late" not found`, "describe", "pod", "no-key")
		u.says(`created`, "create", "configmap", "late", "--from-literal=other=x")
		u.until(`couldn't find key k in ConfigMap default/late`, "describe", "pod", "no-key")
		u.says(`patched`, "patch", "configmap", "late", "-p", `{"data":{"k":"v"}}`)
		u.says(`condition met`, "wait", "--for=condition=Ready", "pod/no-key", "--timeout=60s")
		u.says(`^v\n$`, "exec", "no-key", "--", "sh", "-c", "echo $A")
	})

	t.Run("APodThatFitsNowhereIsToldHowManyNodesLackWhat", func(t *testing.T) {
		u := user{c.In(t)}
		u.until(`0/3 nodes are available: 3 Insufficient cpu\.`, "describe", "pod", "too-big")
		u.until(`0/3 nodes are available: 3 node\(s\) didn't match Pod's node affinity/selector\.`, "describe", "pod", "too-picky")
		u.says(`(?s)too-big +0/1 +Pending.*too-picky +0/1 +Pending`, "get", "pods")
		u.says(`labeled`, "label", "node", "node-2", "disk=golden")
		u.says(`condition met`, "wait", "--for=condition=Ready", "pod/too-picky", "--timeout=60s")
		u.says(`^node-2$`, "get", "pod", "too-picky", "-o", "jsonpath={.spec.nodeName}")
	})
}
