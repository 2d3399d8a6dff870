package apiserver_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/store/storetest"
)

// day is what a person brings to a new cluster, in one file.
const day = `
apiVersion: v1
kind: Namespace
metadata: {name: day}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: day}
data: {GREETING: hello}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: day}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: busybox
        command: [sh, -c, "mkdir /www; echo $GREETING from $(hostname) > /www/index.html; echo serving; exec httpd -f -p 8080 -h /www"]
        envFrom: [{configMapRef: {name: settings}}]
        ports: [{containerPort: 8080, name: http}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: day}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: day}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: client, image: busybox, command: [sleep, "1000000"]}]
`

func TestADayWithKubectl(t *testing.T) {
	c := clustertest.Start(t)
	file := filepath.Join(t.TempDir(), "day.yaml")
	if err := os.WriteFile(file, []byte(day), 0o600); err != nil {
		t.Fatal(err)
	}
	u := user{c}
	u.says(`deployment.apps/web created`, "apply", "-f", file)
	u.says(`modified`, "config", "set-context", "--current", "--namespace=day")
	u.says(`deployment.apps/web condition met`, "wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
	u.says(`pod/client condition met`, "wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
	for _, part := range []struct {
		name string
		test func(u user)
	}{
		{"EveryFormatOfGetAndDescribeTellsOfTheObjects", looks},
		{"TheSameFileAgainChangesNothingAndAnotherOneOnlyWhatDiffers", func(u user) { applies(u, file) }},
		{"LogsAreThereFollowTheContainerAndOutliveIt", reads},
		{"ACommandRunsInAContainerWithItsInputItsTerminalAndItsExitCode", entersContainers},
		{"APortOfAPodOrServiceIsReachedFromTheOutside", forwards},
		{"AStreamEndsAloneAndLeavesNothing", endsStreams},
		{"StrangersNeitherStayNorKeepOthersOut", strangers},
		{"AFieldHasOneOwnerAndAnotherOneIsTold", applyOnTheServer},
		{"AnObjectIsChangedByEveryVerb", changes},
		{"ARolloutIsWatchedUndonePausedAndRepeated", rollsOut},
		{"WhatTheClusterOffersIsExplained", discovers},
		{"WhatIsDeletedGoes", deletes},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(user{c.In(t)}) })
	}
}

// user is a person at kubectl, who takes note of every warning.
type user struct{ *clustertest.Cluster }

// says runs kubectl, which has to succeed without a warning and to print what matches the pattern.
func (u user) says(pattern string, arguments ...string) string {
	u.T.Helper()
	return u.saysTo("", pattern, arguments...)
}

func (u user) saysTo(stdin, pattern string, arguments ...string) string {
	u.T.Helper()
	answer := u.Ask(stdin, arguments...)
	text := answer.Out + answer.Complaint
	if answer.Code != 0 || !regexp.MustCompile(pattern).MatchString(text) {
		u.T.Errorf("kubectl %s: exit code %d, want 0 and a match of %q, got:\n%s", strings.Join(arguments, " "), answer.Code, pattern, text)
	}
	if strings.Contains(answer.Complaint, "Warning:") {
		u.T.Errorf("kubectl %s warns: %s", strings.Join(arguments, " "), answer.Complaint)
	}
	return answer.Out
}

// fails runs kubectl, which has to fail and to print what matches the pattern.
func (u user) fails(stdin, pattern string, arguments ...string) {
	u.T.Helper()
	answer := u.Ask(stdin, arguments...)
	if answer.Code <= 0 || !regexp.MustCompile(pattern).MatchString(answer.Complaint) {
		u.T.Errorf("kubectl %s: exit code %d, want a failure that matches %q, got:\n%s%s",
			strings.Join(arguments, " "), answer.Code, pattern, answer.Out, answer.Complaint)
	}
}

// until waits until kubectl prints what matches the pattern.
func (u user) until(pattern string, arguments ...string) {
	u.T.Helper()
	var last string
	expression := regexp.MustCompile(pattern)
	defer func() {
		if u.T.Failed() {
			u.T.Logf("kubectl %s said last:\n%s", strings.Join(arguments, " "), last)
		}
	}()
	u.Wait(time.Minute, pattern+" in kubectl "+strings.Join(arguments, " "), func() bool {
		last, _ = u.Try("kubectl", arguments...)
		return expression.MatchString(last)
	})
}

func looks(u user) {
	wide := u.says(`NOMINATED NODE`, "get", "pods", "-o", "wide")
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		if !regexp.MustCompile(`web-.*1/1 +Running.* ` + node).MatchString(wide) {
			u.T.Errorf("no pod of web is on %s:\n%s", node, wide)
		}
	}
	u.says(`(?m)^  containerStatuses:$`, "get", "pod", "client", "-o", "yaml")
	u.says(`"phase": "Running"`, "get", "pod", "client", "-o", "json")
	u.says(`^pod/client\n$`, "get", "pod", "client", "-o", "name")
	u.says(`^Running 10\.244\.\d\.\d+$`, "get", "pod", "client", "-o", "jsonpath={.status.phase} {.status.podIP}")
	u.says(`(?s)web +3/3 +3 +3.*replicaset.apps/web`, "get", "deployments,replicasets")
	u.says(`(?s)pod/client.*service/web.*deployment.apps/web`, "get", "all")
	u.says(`day +client`, "get", "pods", "-A")
	u.says(`node-3 +Ready`, "get", "nodes", "-o", "wide")
	u.says(`web.*80/TCP`, "get", "services", "--show-labels")
	u.says(`web.*web.*web`, "get", "pods", "-l", "app in (web)", "-o", "jsonpath={.items[*].metadata.name}")
	u.says(`(?s)ADDRESSTYPE.*web-`, "get", "endpointslices")

	for _, reason := range []string{"Scheduled", "Pulled", "Created", "Started"} { // in any order within a second
		u.until(`(?s)Image:.*Conditions:.*Events:.*Normal +`+reason, "describe", "pod", "client")
	}
	u.says(`(?s)Environment Variables from:\n +settings +ConfigMap`, "describe", "pods", "-l", "app=web")
	u.says(`(?s)KubeletReady.*Allocatable:\n +cpu: +\d+\n.*day +web-`, "describe", "node", "node-1")
	u.says(`(?s)3 desired \| 3 updated \| 3 total \| 3 available.*ScalingReplicaSet`, "describe", "deployment", "web")
	u.says(`Endpoints: +10\.244\.\d\.\d+:8080,10\.244\.\d\.\d+:8080,10\.244\.\d\.\d+:8080`, "describe", "service", "web")
	u.says(`GREETING:\n----\nhello`, "describe", "configmap", "settings")
	u.says(`Status: +Active`, "describe", "namespace", "day")
	for _, kind := range []string{"pod", "node", "deployment", "replicaset", "service"} {
		text := strings.Replace(u.says(`Name:`, "describe", kind), "AcquireTime:     <unset>", "", -1) // upstream's kubelet sets none either
		if found := regexp.MustCompile(`.*(<unset>|<unknown>|<error|<invalid>|%!).*`).FindString(text); found != "" {
			u.T.Errorf("describe %s shows %q", kind, found)
		}
	}
	u.says(`(?m)^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$`, "get", "events")
	u.says(`Successfully assigned day/client to node-`, "get", "events", "--field-selector=involvedObject.name=client")
	u.says(`(?s)LAST SEEN +TYPE.*Pod/client`, "events")
}

func applies(u user, file string) {
	if out := u.says(`unchanged`, "apply", "-f", file); strings.Count(out, "unchanged") != 5 {
		u.T.Errorf("five objects are as they were, but apply says\n%s", out)
	}
	changed := strings.Replace(day, "hello", "moin", 1)
	answer := u.Ask(changed, "diff", "-f", "-")
	if answer.Code != 1 || !strings.Contains(answer.Out, "-  GREETING: hello\n+  GREETING: moin") || strings.Count(answer.Out, "\ndiff ") > 0 {
		u.T.Errorf("diff: exit code %d, want 1 and one changed line, got:\n%s%s", answer.Code, answer.Out, answer.Complaint)
	}
	if out := u.saysTo(changed, `configmap/settings configured`, "apply", "-f", "-"); strings.Count(out, "unchanged") != 4 {
		u.T.Errorf("apply changes more than the config map:\n%s", out)
	}
	u.says(`configmap/settings configured \(server dry run\)`, "apply", "-f", file, "--dry-run=server")
	u.says(`^moin$`, "get", "configmap", "settings", "-o", "jsonpath={.data.GREETING}")
	u.says(`configmap/settings configured`, "apply", "-f", file)
	read := u.says(`GREETING: hello`, "get", "configmap", "settings", "-o", "yaml")
	u.saysTo(strings.Replace(read, "GREETING: hello", "GREETING: hey", 1), `configmap/settings replaced`, "replace", "-f", "-")
	u.says(`^hey$`, "get", "configmap", "settings", "-o", "jsonpath={.data.GREETING}")
	u.fails(read, `Conflict.*the object has been modified`, "replace", "-f", "-") // read is out of date now
}

// countdown prints five numbers, the last of them when a file appears.
const countdown = `echo 5; echo 4; echo 3; echo 2; while [ ! -e /go ]; do usleep 20000; done; echo 1; exit 3`

func reads(u user) {
	u.says(`serving`, "logs", "deployment/web")
	u.says(`(?s)serving\n.*serving\n.*serving\n`, "logs", "-l", "app=web", "--prefix")
	u.says(`pod/count created`, "run", "count", "--image=busybox", "--", "sh", "-c", countdown)
	u.says(`met`, "wait", "--for=condition=Ready", "pod/count", "--timeout=60s")
	u.until(`2`, "logs", "count")

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out strings.Builder
	follow := u.Command(ctx, "kubectl", "logs", "-f", "count")
	heard := make(chan struct{})
	follow.Stdout = io.MultiWriter(&out, once(func() { close(heard) }))
	if err := follow.Start(); err != nil {
		u.T.Fatal(err)
	}
	select { // else it might come to the next life of the container
	case <-heard:
	case <-ctx.Done():
	}
	u.says(``, "exec", "count", "--", "touch", "/go")
	if err := follow.Wait(); err != nil || out.String() != "5\n4\n3\n2\n1\n" {
		u.T.Errorf("logs -f ended with %v and had printed %q, want all five lines, and an end with the container", err, out.String())
	}
	u.until(`^[1-9]`, "get", "pod", "count", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
	u.says(`(?s)^5\n4\n3\n2\n1\n$`, "logs", "--previous", "count")
	u.says(`^2\n$`, "logs", "--tail=1", "count")
	u.says(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S* 5\n`, "logs", "--timestamps", "count")
	u.says(`(?s)Last State: +Terminated\n +Reason: +Error\n +Exit Code: +3`, "describe", "pod", "count")
	u.fails("", `container nope is not valid for pod count`, "logs", "count", "-c", "nope")
	u.says(`deleted`, "delete", "pod", "count", "--grace-period=1")
}

func entersContainers(u user) {
	u.says(`^client\n$`, "exec", "client", "--", "hostname")
	u.saysTo("by pipe", `^by pipe$`, "exec", "-i", "client", "--", "cat")
	if answer := u.Ask("", "exec", "client", "--", "sh", "-c", "echo out; echo err >&2; exit 7"); answer.Code != 7 ||
		answer.Out != "out\n" || !strings.HasPrefix(answer.Complaint, "err\n") {
		u.T.Errorf("exec: %+v, want code 7 and each output on its own", answer)
	}
	u.fails("", `"nosuch": executable file not found`, "exec", "client", "--", "nosuch")
	if _, err := exec.LookPath("script"); err != nil {
		u.T.Logf("no terminal is tried: %v", err)
	} else {
		screen := u.terminal(`exec -it client -- sh -c 'tty; stty size; read line; echo "read $line"'`, "typed\n")
		for _, want := range []string{"/dev/pts/", "33 101", "read typed"} {
			if !strings.Contains(screen, want) {
				u.T.Errorf("the terminal lacks %q:\n%s", want, screen)
			}
		}
	}
	u.says(`pod/echo created`, "run", "echo", "--image=busybox", "--stdin", "--attach=false", "--restart=Never", "--", "sh", "-c", "read line; echo heard $line")
	u.says(`met`, "wait", "--for=condition=Ready", "pod/echo", "--timeout=60s")
	u.saysTo("a word\n", `heard a word`, "attach", "-i", "echo")
	u.says(`met`, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/echo", "--timeout=60s")
	u.says(`^heard a word\n$`, "logs", "echo")
	u.saysTo("a word\n", `(?s)heard a word.*deleted`, "run", "once", "--image=busybox", "--rm", "-i", "--restart=Never", "--", "sh", "-c", "read line; echo heard $line")
}

// terminal runs kubectl in a pseudo terminal of 33 rows and 101 columns, types, and returns what it showed.
func (u user) terminal(arguments, typed string) string {
	u.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	kubectl := u.Command(ctx, "kubectl")
	script := exec.CommandContext(ctx, "script", "-qec", "stty rows 33 cols 101; "+kubectl.Path+" "+arguments, "/dev/null")
	script.Env, script.Stdin = kubectl.Env, strings.NewReader(typed)
	out, err := script.CombinedOutput()
	if err != nil {
		u.T.Errorf("kubectl %s in a terminal: %v\n%s", arguments, err, out)
	}
	return string(out)
}

func forwards(u user) {
	for _, target := range []string{"service/web", "deployment/web"} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		port := freePort(u.T)
		remote := map[string]string{"service/web": "80", "deployment/web": "8080"}[target]
		forward := u.Command(ctx, "kubectl", "port-forward", target, port+":"+remote)
		if err := forward.Start(); err != nil {
			u.T.Fatal(err)
		}
		u.Wait(time.Minute, "an answer through the forwarded port", func() bool {
			return strings.Contains(get("127.0.0.1:"+port), "hello from web-")
		})
		cancel()
		_ = forward.Wait() // it was told to end
	}
}

func freePort(t testing.TB) string { return fmt.Sprint(storetest.FreePort(t)) }

// get is the page at an address, or nothing.
func get(address string) string {
	out, err := exec.Command("curl", "-s", "--max-time", "5", "http://"+address).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

func applyOnTheServer(u user) {
	object := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: %s}\n"
	u.saysTo(fmt.Sprintf(object, "one"), `configmap/shared serverside-applied`, "apply", "--server-side", "--field-manager=ann", "-f", "-")
	u.fails(fmt.Sprintf(object, "two"), `Apply failed with 1 conflict: conflict with "ann": \.data\.a`,
		"apply", "--server-side", "--field-manager=bob", "-f", "-")
	u.saysTo(fmt.Sprintf(object, "two"), `serverside-applied`, "apply", "--server-side", "--field-manager=bob", "--force-conflicts", "-f", "-")
	u.says(`^two$`, "get", "configmap", "shared", "-o", "jsonpath={.data.a}")
	u.says(`manager: bob`, "get", "configmap", "shared", "-o", "yaml", "--show-managed-fields")
	u.says(`configmap "shared" deleted`, "delete", "configmap", "shared")
}

func changes(u user) {
	u.says(`configmap/literal created`, "create", "configmap", "literal", "--from-literal=a=b")
	u.says(`secret/hidden created`, "create", "secret", "generic", "hidden", "--from-literal=a=b")
	u.says(`a: +1 bytes`, "describe", "secret", "hidden")
	u.says(`^Yg==$`, "get", "secret", "hidden", "-o", "jsonpath={.data.a}")
	u.says(`pod/client labeled`, "label", "pod", "client", "tier=front")
	u.fails("", `already has a value`, "label", "pod", "client", "tier=back")
	u.says(`^pod/client\n$`, "get", "pods", "-l", "tier=front", "-o", "name")
	u.says(`pod/client annotated`, "annotate", "pod", "client", "note=of-ours")
	u.says(`patched`, "patch", "deployment", "web", "-p", `{"metadata":{"labels":{"by":"strategic"}}}`)
	u.says(`patched`, "patch", "deployment", "web", "--type=merge", "-p", `{"metadata":{"labels":{"by":"merge"}}}`)
	u.says(`patched`, "patch", "deployment", "web", "--type=json", "-p", `[{"op":"replace","path":"/metadata/labels/by","value":"json"}]`)
	u.says(`^json$`, "get", "deployment", "web", "-o", "jsonpath={.metadata.labels.by}")
	u.T.(*testing.T).Setenv("EDITOR", "sed -i 's/a: b$/a: edited/'") // a uid may end in b, too
	u.says(`configmap/literal edited`, "edit", "configmap", "literal")
	u.says(`^edited$`, "get", "configmap", "literal", "-o", "jsonpath={.data.a}")
	u.says(`scaled`, "scale", "deployment/web", "--replicas=5")
	u.WaitReady("day", "app=web", 5)
	u.says(`scaled`, "scale", "deployment/web", "--replicas=2", "--current-replicas=5")
	u.WaitReady("day", "app=web", 2)
	u.says(`service/again exposed`, "expose", "deployment", "web", "--name=again", "--port=81", "--target-port=http")
	u.until(`hello from web-`, "exec", "client", "--", "timeout", "5", "wget", "-qO-", "http://again:81")
	u.says(`deployment.apps/other created`, "create", "deployment", "other", "--image=busybox", "--", "sh", "-c", "trap exit TERM; sleep 100000 & wait")
	u.WaitReady("day", "app=other", 1)
	u.says(`deleted`, "delete", "deployment", "other")
}

func rollsOut(u user) {
	u.says(`image updated`, "set", "image", "deployment/web", "web=busybox:latest")
	u.says(`successfully rolled out`, "rollout", "status", "deployment/web", "--timeout=60s")
	u.says(`env updated`, "set", "env", "deployment/web", "COLOUR=blue")
	u.says(`successfully rolled out`, "rollout", "status", "deployment/web", "--timeout=60s")
	u.says(`(?s)REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n3 +<none>`, "rollout", "history", "deployment/web")
	u.says(`COLOUR:\s+blue`, "rollout", "history", "deployment/web", "--revision=3")
	u.says(`restarted`, "rollout", "restart", "deployment/web")
	u.says(`successfully rolled out`, "rollout", "status", "deployment/web", "--timeout=60s")
	u.says(`paused`, "rollout", "pause", "deployment/web")
	u.says(`env updated`, "set", "env", "deployment/web", "COLOUR=red")
	u.until(`DeploymentPaused`, "get", "deployment", "web", "-o", "jsonpath={.status.conditions[*].reason}")
	u.says(`resumed`, "rollout", "resume", "deployment/web")
	u.says(`successfully rolled out`, "rollout", "status", "deployment/web", "--timeout=60s")
	u.says(`COLOUR=red`, "set", "env", "deployment/web", "--list")
	// Here kubectl itself warns, of any cluster: what was applied is not what is undone.
	if answer := u.Ask("", "rollout", "undo", "deployment/web"); answer.Code != 0 || !strings.Contains(answer.Out, "rolled back") {
		u.T.Errorf("rollout undo: %+v", answer)
	}
	u.says(`successfully rolled out`, "rollout", "status", "deployment/web", "--timeout=60s")
	u.says(`COLOUR=blue`, "set", "env", "deployment/web", "--list")
}

func discovers(u user) {
	u.says(`(?s)KIND: +Pod.*FIELD: image <string>`, "explain", "pod.spec.containers.image")
	u.says(`maxSurge`, "explain", "deployment.spec.strategy", "--recursive")
	u.says(`deployments +deploy +apps/v1 +true +Deployment`, "api-resources")
	u.says(`nodes +no +v1 +false +Node`, "api-resources", "--namespaced=false")
	u.says(`(?m)^apps/v1$`, "api-versions")
	u.says(`Server Version: v1\.`, "version")
	u.says(`is running at`, "cluster-info")
	u.says(`ok`, "get", "--raw", "/readyz")
	u.fails("", `Metrics API not available`, "top", "pods")
	u.fails("", `the server doesn't have a resource type "unicorns"`, "get", "unicorns")
	u.fails("", `pods "nope" not found`, "get", "pod", "nope")
	if answer := u.Ask("", "auth", "can-i", "create", "pods"); strings.Contains(answer.Complaint, "panic") {
		u.T.Errorf("auth can-i: %+v", answer)
	}
}

func deletes(u user) {
	u.says(`pod "echo" deleted`, "delete", "pod", "echo")
	u.fails("", `pods "echo" not found`, "delete", "pod", "echo")
	u.says(``, "delete", "pod", "echo", "--ignore-not-found")
	u.says(`deployment.apps "web" deleted`, "delete", "deployment", "web", "--wait=false")
	u.says(`^$|condition met`, "wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
	u.says(`namespace "day" deleted`, "delete", "namespace", "day", "--timeout=60s")
	u.fails("", `namespaces "day" not found`, "get", "namespace", "day")
	u.says(`No resources found`, "get", "pods,configmaps,secrets,services,events", "-n", "day")
}
