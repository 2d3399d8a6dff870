//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/api"
	"kubelab/kube/api/podspec"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/probes"
	"kubelab/kube/trace"
)

// workers is how many pods are looked at at once. None of them ever waits for a container: what takes time is
// a job of its own.
const workers = 16

// callAgain is the pause before a runtime that does not answer is called again.
const callAgain = 100 * time.Millisecond

// Operator keeps the pods of one node as they should be.
type Operator struct {
	node    cri.Node
	files   files
	client  *operator.Client
	runtime *cri.Runtime
	pods    corelisters.PodLister
	nodes   corelisters.NodeLister
	objects *objects
	// observed is what the runtime has. Whoever hears the runtime's events feeds it: see [Operator.Hear].
	observed *observed.Pods
	loop     *operator.Loop
	prober   *probes.Prober
	jobs     sync.WaitGroup

	taking sync.Mutex // held while it is decided whether the node takes a pod
	mu     sync.Mutex
	lives  map[operator.Key]map[types.UID]*life
}

// New makes the operator of a node. watches shows the pods that are bound to the node, and only those, and nodes the node; the
// caller starts both, and runs the operator once they are in sync.
func New(node cri.Node, client *operator.Client, watches, nodes informers.SharedInformerFactory, runtime *cri.Runtime) (*Operator, error) {
	pods := watches.Core().V1().Pods()
	o := &Operator{
		node: node, files: files{node}, client: client, runtime: runtime, pods: pods.Lister(), nodes: nodes.Core().V1().Nodes().Lister(),
		lives: map[operator.Key]map[types.UID]*life{},
	}
	o.observed = observed.New(runtime, o.lastWords)
	o.loop = operator.NewLoop(Loop, workers, client, o.turn)
	o.objects = &objects{client: client.Interface, wake: o.loop.Add, known: map[reference]*watched{}}
	return o, operator.Follow(o.loop, pods.Informer(), operator.Self[*corev1.Pod])
}

// wakeAll has all pods looked at: the runtime was away and has come back.
func (o *Operator) wakeAll() {
	all, err := o.pods.List(labels.Everything())
	if err != nil {
		return // the watch's memory has no errors
	}
	for _, pod := range all {
		o.loop.Add(operator.Self(pod)[0])
	}
}

// Run works until ctx is done. Containers go on running.
func (o *Operator) Run(ctx context.Context) error {
	o.objects.ctx = ctx
	defer func() { o.objects.end(func(*watched) bool { return true })() }()
	defer o.jobs.Wait()
	o.prober = probes.New(ctx, o.runtime, o.client.Recorder)
	defer o.prober.Wait()
	if err := o.sweep(ctx); err != nil {
		slog.Warn("files of pods that are gone are left", "error", err)
	}
	return o.loop.Run(ctx)
}

// Evict has a pod end that its node cannot keep, for the reason that its status then gives.
func (o *Operator) Evict(ctx context.Context, pod *corev1.Pod, message string) {
	key := operator.Self(pod)[0]
	if l := o.remembered(key, pod.UID); l == nil || !l.evict(message) {
		return
	}
	cause := o.client.Recorder.Record(ctx, trace.Step{
		Verb: "evict", Root: trace.Event, Object: reference{"pods", key.Namespace, key.Name}.trace(), Detail: message})
	o.eventAbout(trace.WithCauses(ctx, cause), pod, "", corev1.EventTypeWarning, evicted, message)
	o.loop.Add(key, cause)
}

// sweep removes the files of pods that neither the API server nor the runtime knows. A runtime that does not answer is waited for: without it
// nothing can be done for any pod, and nobody sweeps later.
func (o *Operator) sweep(ctx context.Context) error {
	var sandboxes *runtimeapi.ListPodSandboxResponse
	err := wait.PollUntilContextCancel(ctx, callAgain, true, func(ctx context.Context) (listed bool, _ error) {
		var err error
		sandboxes, err = o.runtime.ListPodSandbox(ctx, &runtimeapi.ListPodSandboxRequest{})
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	bound, err := o.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, sandbox := range sandboxes.Items {
		known[sandbox.Labels[cri.LabelUID]] = true
	}
	for _, pod := range bound {
		known[string(pod.UID)] = true
	}
	return o.files.sweep(func(uid string) bool { return known[uid] })
}

// turn is one turn of the loop: plan and act, for every pod that there is of that name. What the runtime has is known; it is asked only where its
// events are late.
func (o *Operator) turn(ctx context.Context, key operator.Key) error {
	wanted, err := o.pods.Pods(key.Namespace).Get(key.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	ended := map[types.UID][]outcome{} // first: what ends from now on is seen next time, not missed
	for uid, l := range o.livesOf(key, wanted) {
		ended[uid] = l.outcomes()
	}
	records, err := o.recordsOf(trace.WithCauses(ctx), key, ended)
	if err != nil {
		return err
	}
	for uid := range records {
		o.live(key, uid)
	}
	var failures []error // what one cannot do keeps no other from what it needs
	for uid, l := range o.livesOf(key, wanted) {
		pod := wanted
		if pod != nil && pod.UID != uid {
			pod = nil
		}
		why := ctx
		if causes := l.takeIn(ended[uid]); len(causes) > 0 {
			why = trace.WithCauses(ctx, append(trace.Causes(ctx), causes...)...)
		}
		failures = append(failures, o.step(why, key, uid, pod, l.current(o.node, o.explained(records[uid], ended[uid]))))
	}
	return errors.Join(failures...)
}

// recordsOf is what the runtime has under a pod's name, after jobs have ended.
func (o *Operator) recordsOf(ctx context.Context, key operator.Key, ended map[types.UID][]outcome) (map[types.UID]observed.Records, error) {
	records, err := o.observed.Of(key)
	if err != nil && o.observed.Listed() {
		if _, err := o.look(ctx, &key); err != nil {
			return nil, err
		}
		records, err = o.observed.Of(key)
	}
	if err != nil {
		return nil, err
	}
	for uid, outcomes := range ended {
		for _, out := range outcomes {
			if shows(records[uid], out.job.action, out.err != nil) {
				continue
			}
			if _, err := o.look(ctx, &key); err != nil {
				return nil, err
			}
			return o.observed.Of(key)
		}
	}
	return records, nil
}

// explained notes in the records of what jobs have made which steps did.
func (o *Operator) explained(records observed.Records, ended []outcome) observed.Records {
	for _, out := range ended {
		switch a := out.job.action.(type) {
		case CreateSandbox:
			for i := range records.Sandboxes {
				if s := &records.Sandboxes[i]; s.Attempt == a.Attempt {
					s.Causes = out.causes
					o.observed.Explain(s.ID, "", out.causes)
				}
			}
		case StartContainer:
			for i := range records.Containers {
				if c := &records.Containers[i]; a.makes(*c) && c.State == observed.Running {
					c.Causes = out.causes
					o.observed.Explain(c.ID, observed.Running, out.causes)
				}
			}
		}
	}
	return records
}

// step does what one pod needs now. pod is nil for one that the API does not know.
func (o *Operator) step(ctx context.Context, key operator.Key, uid types.UID, pod *corev1.Pod, have Current) (err error) {
	l := o.live(key, uid)
	l.prune(have)
	have.Probed = o.probe(key, uid, pod, have)
	if pod != nil {
		if l.isGone() {
			return nil // only the watch does not know it yet
		}
		pod = l.newer(pod)
		ctx = o.noteHealth(o.noteExits(ctx, pod, have), pod, have)
		if have.Refused, err = o.refuse(ctx, l, pod, have); err != nil {
			return err
		}
	}
	if err = o.gather(key, pod, &have); err != nil {
		return err
	}
	if err = o.gatherVolumes(key, pod, &have); err != nil {
		return err
	}
	ctx = l.recall(ctx, len(have.Awaited) > 0 || have.Volumes.Awaited || have.Pull.Awaited)
	now := time.Now()
	decision := Plan(pod, have, now)
	for _, action := range decision.Actions {
		o.begin(ctx, work{key: key, uid: uid, pod: pod, life: l, action: action, have: have})
	}
	if wake := decision.Wake; !wake.At.IsZero() {
		o.loop.After(key, max(wake.At.Sub(now), time.Millisecond), wake.Why)
	}
	if pod == nil || decision.Hold || same(decision.Status, pod.Status) {
		return nil
	}
	return o.write(ctx, l, pod, decision.Status)
}

// gather puts into have what the environments of the containers may be drawn from that do not run.
func (o *Operator) gather(key operator.Key, pod *corev1.Pod, have *Current) error {
	if pod == nil || pod.DeletionTimestamp != nil || api.PodEnded(pod) {
		return nil
	}
	starting := map[string]bool{}
	for _, c := range podspec.Members(&pod.Spec) {
		if record := have.newest(c.Name); record == nil || record.State != observed.Running {
			starting[c.Name] = true
		}
	}
	if len(starting) == 0 {
		return nil
	}
	if err := o.gatherPullSecrets(key, pod, have); err != nil {
		return err
	}
	have.Sources.Data = map[podspec.Object]map[string]string{}
	for _, ref := range podspec.References(&pod.Spec) {
		if !starting[ref.Container] {
			continue
		}
		object, seen, err := o.objects.get(key, reference{ref.Resource, key.Namespace, ref.Name})
		if err != nil {
			return err
		}
		if !seen {
			have.Awaited = append(have.Awaited, ref.Object)
		}
		switch is := object.(type) {
		case *corev1.ConfigMap:
			have.Sources.Data[ref.Object] = orEmpty(is.Data)
		case *corev1.Secret:
			have.Sources.Data[ref.Object] = plain(is.Data)
		}
	}
	services, seen, err := o.objects.services(key, cri.LinksServices(pod))
	if have.Sources.Services = services; !seen {
		have.Awaited = append(have.Awaited, podspec.Object{Resource: serviceResource})
	}
	return err
}

func plain(data map[string][]byte) map[string]string {
	values := map[string]string{}
	for key, value := range data {
		values[key] = string(value)
	}
	return values
}

func orEmpty(data map[string]string) map[string]string {
	if data == nil {
		return map[string]string{}
	}
	return data
}

// noteExits puts into the causal record what ended since it was last looked at. An exit that nobody asked
// for is a root; it is the cause of what turns do until the status tells of it: the first may fail.
func (o *Operator) noteExits(ctx context.Context, pod *corev1.Pod, have Current) context.Context {
	p := planner{pod: pod, have: have}
	for i := range have.Containers {
		record := &have.Containers[i]
		if record.State != observed.Exited || p.told(record) {
			continue
		}
		if len(record.Causes) == 0 {
			record.Causes = []trace.ID{o.recordExit(ctx, pod, record)}
			o.observed.Explain(record.ID, observed.Exited, record.Causes)
		}
		ctx = trace.WithCauses(ctx, append(trace.Causes(ctx), record.Causes...)...)
	}
	return ctx
}

func (o *Operator) recordExit(ctx context.Context, pod *corev1.Pod, record *observed.Container) trace.ID {
	step := trace.Step{Time: record.Finished, Verb: "exit", Object: reference{"pods", pod.Namespace, pod.Name}.trace(),
		Detail: fmt.Sprintf("container %s exited with code %d", record.Name, record.ExitCode)}
	if stop := o.files.readStop(string(pod.UID), record.ID); stop != "" {
		step.Causes = []trace.ID{stop}
	} else {
		step.Root = trace.Event
	}
	return o.client.Recorder.Record(ctx, step)
}

func (r reference) trace() trace.Ref {
	return trace.Ref{Resource: r.resource, Namespace: r.namespace, Name: r.name}
}

// works is whether a job is under way for a pod of that name.
func (o *Operator) works(key operator.Key) bool {
	for _, l := range o.livesOf(key, nil) {
		if l.works() {
			return true
		}
	}
	return false
}

// livesOf are the pods remembered under a name, with the wanted one.
func (o *Operator) livesOf(key operator.Key, wanted *corev1.Pod) map[types.UID]*life {
	if wanted != nil {
		o.live(key, wanted.UID)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	lives := map[types.UID]*life{}
	for uid, l := range o.lives[key] {
		lives[uid] = l
	}
	return lives
}

// remembered is what is remembered of a pod, nil if nothing is.
func (o *Operator) remembered(key operator.Key, uid types.UID) *life {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lives[key][uid]
}

func (o *Operator) live(key operator.Key, uid types.UID) *life {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lives[key] == nil {
		o.lives[key] = map[types.UID]*life{}
	}
	if o.lives[key][uid] == nil {
		o.lives[key][uid] = newLife(time.Now())
	}
	return o.lives[key][uid]
}

// forget drops what is remembered of a pod. The watches of the last of its name are released in the same instant: another that comes to bear
// the name finds them released, or keeps them.
func (o *Operator) forget(key operator.Key, uid types.UID) {
	o.mu.Lock()
	delete(o.lives[key], uid)
	wait := func() {}
	if len(o.lives[key]) == 0 {
		delete(o.lives, key)
		wait = o.objects.release(key)
	}
	o.mu.Unlock()
	wait()
}
