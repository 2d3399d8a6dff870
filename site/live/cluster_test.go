//go:build linux

package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/trace"
	"kubelab/site/live"
	"kubelab/site/record"
)

// watched is a cluster whose frames are gathered.
type watched struct {
	*clustertest.Cluster
	history *record.History

	mu      sync.Mutex
	notices []string
}

func watchCluster(t *testing.T) *watched {
	t.Helper()
	w := &watched{Cluster: clustertest.Start(t), history: record.NewHistory(record.LiveLimits)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	begun := make(chan struct{})
	go func() {
		ended <- live.Run(ctx, live.Config{
			Cluster: w.Name, Kubeconfig: filepath.Join(w.DataDir, "admin.kubeconfig"), History: w.history,
			Begun: func() { close(begun) },
			Notice: func(level, _ string) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.notices = append(w.notices, level)
			},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-begun:
	case <-time.After(time.Minute):
		t.Fatal("the gathering did not begin")
	}
	w.awaitFact("process/control-plane/etcd", nil)
	return w
}

// awaitFact waits until a fact holds, and is as wanted.
func (w *watched) awaitFact(about string, as func(map[string]any) bool) map[string]any {
	w.T.Helper()
	var data map[string]any
	w.Wait(time.Minute, "the fact "+about, func() bool {
		facts := w.history.Snapshot().Facts
		i := slices.IndexFunc(facts, func(fact record.Fact) bool { return fact.About == about })
		if i < 0 {
			return false
		}
		data = nil
		if err := json.Unmarshal(facts[i].Data, &data); err != nil {
			w.T.Fatal(err)
		}
		return as == nil || as(data)
	})
	return data
}

// frames are all that the history has.
func (w *watched) frames() []record.Frame {
	w.T.Helper()
	frames, err := w.history.Next(context.Background(), w.history.Start().Seq)
	if err != nil {
		w.T.Fatal(err)
	}
	return frames
}

func TestARunningClusterIsSeenWithAllItsReasons(t *testing.T) {
	w := watchCluster(t)
	t.Run("a recording of a Deployment's creation outlives its recorder", func(t *testing.T) { w.in(t).testRecording() })
	t.Run("every frame of a Deployment's creation comes after its cause", func(t *testing.T) { w.in(t).testCreation() })
	t.Run("what hosts know is told", func(t *testing.T) { w.in(t).testFacts() })
	t.Run("a Secret's value is in no frame and no file", func(t *testing.T) { w.in(t).testSecrets() })
	t.Run("nothing is lost or told twice when etcd and the API server are killed", func(t *testing.T) { w.in(t).testKilling() })
	t.Run("a host that is cut off or off is told", func(t *testing.T) { w.in(t).testHosts() })
}

func (w *watched) in(t *testing.T) *watched {
	return &watched{Cluster: w.Cluster.In(t), history: w.history}
}

func (w *watched) testCreation() {
	before := w.history.Snapshot()
	from := before.Seq
	w.Kubectl("create", "deployment", "web", "--image=busybox", "--replicas=3", "--", "sleep", "1000000")
	w.Kubectl("create", "service", "clusterip", "web", "--tcp=80:80")
	w.WaitReady("default", "app=web", 3)
	rules := func() (hosts []string) {
		for _, frame := range w.frames() {
			if step := frame.Step; step != nil && step.Verb == "load rules" && step.Object.Name == "web" && strings.HasSuffix(step.Detail, "3 endpoints") {
				hosts = append(hosts, step.Host)
			}
		}
		return hosts
	}
	w.Wait(30*time.Second, "the rules on each node", func() bool { return len(rules()) >= 3 })

	told := map[trace.ID]bool{}
	for _, step := range before.Steps {
		told[step.ID] = true
	}
	verbs := map[string]bool{}
	for _, frame := range w.frames() {
		if step := frame.Step; step != nil {
			for _, cause := range step.Causes {
				if frame.Seq > from && !told[cause] {
					w.T.Errorf("frame %d, %s %s %s, came before its cause %s", frame.Seq, step.Component, step.Verb, step.Object, cause)
				}
			}
			told[step.ID] = true
			verbs[step.Component+" "+step.Verb] = true
		}
		object := frame.Object
		if object == nil || frame.Seq <= from || object.Ref.Resource == "events" || object.Ref.Resource == "leases" {
			continue
		}
		if cause := trace.ID(fmt.Sprint("r", object.Revision)); !told[cause] {
			w.T.Errorf("frame %d, %s, came before the step %s that wrote it", frame.Seq, object.Ref, cause)
		}
	}
	for _, verb := range []string{"kubelab-admin create", "controllers create", "scheduler create binding", "kubelet decide",
		"runtime create netns", "runtime attach veth", "runtime start shim", "runtime mount rootfs", "runtime start process", "kubelet patch status", "proxy load rules"} {
		if !verbs[verb] {
			w.T.Errorf("no frame tells of %s", verb)
		}
	}
	pod := trace.Ref{Resource: "pods", Namespace: "default", Name: w.Kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")}
	if gaps := trace.Gaps(trace.Chain(w.history.Steps(0), pod)); len(gaps) > 0 {
		w.T.Errorf("the answer to why ends too early at %v", gaps)
	}
}

func (w *watched) testRecording() {
	path := filepath.Join(w.T.TempDir(), "run.kube")
	recorder := w.Command(context.Background(), "kube", "record", path, "--name", w.Name)
	if err := recorder.Start(); err != nil {
		w.T.Fatal(err)
	}
	defer recorder.Process.Kill()
	ready := func(name string) bool {
		file, err := os.Open(path)
		if err != nil {
			return false
		}
		defer file.Close()
		recording, err := record.Read(file)
		return err == nil && slices.ContainsFunc(recording.History().Snapshot().Objects, func(object record.Object) bool {
			return object.Ref.Name == name && strings.Contains(string(object.Body), `"readyReplicas":3`)
		})
	}
	w.Wait(30*time.Second, "the beginning of the recording", func() bool { info, err := os.Stat(path); return err == nil && info.Size() > 0 })
	w.Kubectl("create", "deployment", "recorded", "--image=busybox", "--replicas=3", "--", "sleep", "1000000")
	w.Wait(time.Minute, "the recording of three ready pods", func() bool { return ready("recorded") })
	if err := recorder.Process.Kill(); err != nil {
		w.T.Fatal(err)
	}
	_ = recorder.Wait() // it was killed
	if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 || !ready("recorded") {
		w.T.Errorf("of the recorder that was killed is left: %v, %v", info, err)
	}
}

func (w *watched) testFacts() {
	pod := w.Kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
	node := w.Kubectl("get", "pod", pod, "-o", "jsonpath={.spec.nodeName}")
	ip := w.Kubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}")
	container := w.awaitFact("container/default/"+pod+"/busybox", nil)
	first := container["processes"].([]any)[0].(map[string]any)
	if first["inner"] != 1.0 || first["pid"] != container["pid"] || first["command"] != "sleep" {
		w.T.Errorf("the first process is %v", first)
	}
	if namespaces := fmt.Sprint(container["namespaces"]); strings.Count(namespaces, "inode:") != 7 {
		w.T.Errorf("namespaces: %s", namespaces)
	}
	own := container["namespaces"].(map[string]any)
	if own["net"].(map[string]any)["host"] != nil || own["user"].(map[string]any)["host"] != true {
		w.T.Errorf("which are the node's: %v", own)
	}
	link, err := os.Readlink("/proc/self/ns/net")
	if machine, _ := own["net"].(map[string]any)["machine"].(float64); err != nil || link != fmt.Sprintf("net:[%.0f]", machine) {
		w.T.Errorf("the machine's network namespace is %s, told is %.0f (%v)", link, machine, err)
	}
	if files := container["cgroup"].(map[string]any)["files"].(map[string]any); files["pids.max"] == nil {
		w.T.Errorf("limits: %v", files)
	}
	runtime := "unix://" + filepath.Join(w.DataDir, "hosts", "node-1", "run", "cri.sock")
	w.Kube("cri", "run", "--runtime", runtime, "--detach", "--name", "bare", "busybox", "--", "sleep", "1000000")
	bare := w.awaitFact("container/cri/bare/main", nil)
	if bare["processes"].([]any)[0].(map[string]any)["inner"] != 1.0 || bare["id"] == container["id"] {
		w.T.Errorf("a container that no pod of the API has: %v", bare)
	}
	w.Kube("cri", "rm", "--runtime", runtime, "bare")
	w.Wait(time.Minute, "the end of the fact of a container that is gone", func() bool {
		return !slices.ContainsFunc(w.history.Snapshot().Facts, func(fact record.Fact) bool { return fact.About == "container/cri/bare/main" })
	})
	w.awaitFact("network/"+node, func(network map[string]any) bool {
		return strings.Contains(fmt.Sprint(network["ports"]), fmt.Sprintf("ip:%s namespace:default pod:%s", ip, pod)) && len(network["routes"].([]any)) >= 4
	})
	w.awaitFact("rules/"+node, func(rules map[string]any) bool { return strings.Contains(rules["text"].(string), ip) })
	w.awaitFact("host/"+node, func(host map[string]any) bool { return host["state"] == "up" && host["podCIDR"] != nil })
}

func (w *watched) testSecrets() {
	const plain, encoded = "tiefes-geheimnis", "dGllZmVzLWdlaGVpbW5pcw=="
	w.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: door}, stringData: {key: ` + plain + `}}`)
	w.Apply(`
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers:
  - name: reader
    image: busybox
    command: [sh, -c, "sleep 1000000", $(KEY)]
    env: [{name: KEY, valueFrom: {secretKeyRef: {name: door, key: key}}}]
`)
	w.awaitFact("container/default/reader/reader", nil)
	path := filepath.Join(w.T.TempDir(), "run")
	file, err := os.Create(path)
	if err != nil {
		w.T.Fatal(err)
	}
	writer, err := record.NewWriter(file, w.history.Start())
	if err != nil {
		w.T.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := errors.Join(writer.Record(ctx, w.history), writer.Close(), file.Close()); err != nil {
		w.T.Fatal(err)
	}
	everything, err := json.Marshal([]any{w.history.Start(), w.frames(), w.history.Snapshot()})
	if err != nil {
		w.T.Fatal(err)
	}
	if !bytes.Contains(everything, []byte(`"name":"door"`)) {
		w.T.Error("the Secret itself is not told")
	}
	for _, secret := range []string{plain, encoded} {
		if at := bytes.Index(everything, []byte(secret)); at >= 0 {
			w.T.Errorf("the Secret's value is told: …%s…", everything[max(0, at-300):at+40])
		}
	}
}

func (w *watched) testKilling() {
	has := func(name string) func() bool {
		return func() bool {
			return slices.ContainsFunc(w.history.Snapshot().Objects, func(object record.Object) bool { return object.Ref.Name == name })
		}
	}
	w.Kubectl("create", "configmap", "before")
	w.Wait(30*time.Second, "the frame of what is created", has("before"))
	w.KillComponent("etcd")
	w.KillComponent("apiserver")
	w.Wait(time.Minute, "an API server that takes a deletion", func() bool {
		_, err := w.Try("kubectl", "delete", "configmap", "before", "--ignore-not-found")
		return err == nil
	})
	w.Kubectl("create", "configmap", "after")
	w.Wait(30*time.Second, "the frame of what is created afterwards", has("after"))
	w.Wait(30*time.Second, "the frame of what was deleted", func() bool { return !has("before")() })
	revisions, steps := map[trace.Ref]int64{}, map[trace.ID]bool{}
	for _, frame := range w.frames() {
		if object := frame.Object; object != nil {
			if object.Revision <= revisions[object.Ref] {
				w.T.Errorf("frame %d: %s has revision %d after %d", frame.Seq, object.Ref, object.Revision, revisions[object.Ref])
			}
			revisions[object.Ref] = object.Revision
		}
		if frame.Step != nil && steps[frame.Step.ID] {
			w.T.Errorf("frame %d: step %s for the second time", frame.Seq, frame.Step.ID)
		} else if frame.Step != nil {
			steps[frame.Step.ID] = true
		}
	}
}

func (w *watched) testHosts() {
	w.Kube("node", "cut", "node-2", "--name", w.Name)
	w.awaitFact("host/node-2", func(host map[string]any) bool { return host["state"] == "cut" })
	w.Kube("node", "mend", "node-2", "--name", w.Name)
	w.Kube("node", "kill", "node-3", "--name", w.Name)
	w.awaitFact("host/node-3", func(host map[string]any) bool { return host["state"] == "off" })
	w.awaitFact("host/node-2", func(host map[string]any) bool { return host["state"] == "up" })
	w.Wait(30*time.Second, "the end of what was true of node-3", func() bool {
		return !slices.ContainsFunc(w.history.Snapshot().Facts, func(fact record.Fact) bool {
			return strings.Contains(fact.About, "/node-3") && fact.About != "host/node-3"
		})
	})
	w.Kube("node", "start", "node-3", "--name", w.Name)
	w.awaitFact("network/node-3", nil)
	w.awaitFact("process/node-3/kubelet", func(process map[string]any) bool { return process["up"] == true })
}

func TestWhatIsDeadIsNoticedAndWhatComesBack(t *testing.T) {
	w := watchCluster(t)
	before := w.awaitFact("process/control-plane/apiserver", nil)["pid"].(float64)
	// Stopped, it neither answers nor ends: nobody starts another one.
	if err := syscall.Kill(int(before), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	said := func(wanted ...string) func() bool {
		return func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Equal(w.notices, wanted)
		}
	}
	w.Wait(time.Minute, "the notice", said("error"))
	if err := syscall.Kill(int(before), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.Wait(time.Minute, "the end of the notice", said("error", "clear"))
	w.KillComponent("apiserver")
	w.awaitFact("process/control-plane/apiserver", func(process map[string]any) bool {
		return process["up"] == true && process["pid"] != before
	})
}
