//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/containers"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/trace"
)

// work is an action and all that it takes to do it. pod is nil for one that the API does not know.
type work struct {
	key    operator.Key
	uid    types.UID
	pod    *corev1.Pod
	life   *life
	action Action
	have   Current
	hooks  context.Context // until when a start waits for its hook
}

// begin does an action in a job of its own. When it is done, the pod is looked at again.
func (o *Operator) begin(ctx context.Context, w work) {
	if cancel, ok := w.action.(Cancel); ok {
		w.life.cancel(cancel.Of)
		return
	}
	causes := append(trace.Causes(ctx), because(w.action, w.have)...)
	decided := o.client.Recorder.Record(trace.WithCauses(ctx, causes...), trace.Step{
		Verb: "decide", Object: reference{"pods", w.key.Namespace, w.key.Name}.trace(), Detail: w.action.String()})
	why := trace.WithCauses(ctx, decided)
	ctx, cancel := context.WithTimeout(why, patienceFor(w.action))
	j := &job{action: w.action, cancel: cancel}
	if _, starts := w.action.(StartContainer); starts { // what is half made is made, and then stopped
		w.hooks, j.cancel = context.WithCancel(why)
	}
	if stop, ok := w.action.(StopContainer); ok {
		j.deadline = time.Now().Add(stop.Grace)
		if err := o.files.writeStop(string(w.uid), stop.ID, decided); err != nil {
			slog.Warn("should this kubelet end, it will not be known why a container did", "pod", w.key, "container", stop.Container, "error", err)
		}
	}
	w.life.begin(j)
	o.jobs.Go(func() {
		defer cancel()
		defer j.cancel()
		ctx, made := cri.WithMade(ctx)
		out := outcome{job: j}
		if pull, ok := w.action.(PullImage); ok {
			out.image, out.err = o.pullImage(ctx, w, pull)
		} else {
			out.err = o.do(ctx, w)
		}
		if out.err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			slog.Warn("a job for a pod failed", "pod", w.key, "job", w.action, "error", out.err)
		}
		if _, ok := w.action.(MountVolumes); ok {
			out.volumes = w.have.Volumes.Wanted.Volumes
			out.renew = firstRenewal(out.volumes, w.life.tokens)
		}
		out.at, out.causes = time.Now(), append(made.All(), decided)
		out.image.Causes = out.causes
		w.life.end(out)
		o.loop.Add(w.key, out.causes...)
	})
}

// patienceFor is how long a runtime may take over an action before that counts as a failure. How long a pull takes
// depends on the world outside.
func patienceFor(action Action) time.Duration {
	const patience = 4 * time.Minute
	switch a := action.(type) {
	case PullImage:
		return time.Hour
	case StopContainer:
		return a.Grace + patience
	}
	return patience
}

// do carries out one action.
func (o *Operator) do(ctx context.Context, w work) error {
	switch a := w.action.(type) {
	case CreateSandbox:
		return o.createSandbox(ctx, w, a)
	case StopSandbox:
		_, err := o.runtime.StopPodSandbox(ctx, &runtimeapi.StopPodSandboxRequest{PodSandboxId: a.ID})
		return err
	case RemoveSandbox:
		if _, err := o.runtime.StopPodSandbox(ctx, &runtimeapi.StopPodSandboxRequest{PodSandboxId: a.ID}); err != nil {
			return err
		}
		_, err := o.runtime.RemovePodSandbox(ctx, &runtimeapi.RemovePodSandboxRequest{PodSandboxId: a.ID})
		return err
	case MountVolumes:
		return o.mountVolumes(ctx, w)
	case RemoveVolumes:
		return o.files.volumesOf(string(w.uid)).Remove()
	case StartContainer:
		return o.startContainer(ctx, w, a)
	case StopContainer:
		o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Killing", "%s", a.Why)
		ctx, left := o.preStop(ctx, w, a)
		_, err := o.runtime.StopContainer(ctx, &runtimeapi.StopContainerRequest{ContainerId: a.ID, Timeout: int64(left.Round(time.Second).Seconds())})
		return err
	case RemoveContainer:
		return o.removeContainer(ctx, w, a)
	case DeletePod:
		return o.deletePod(ctx, w)
	case Forget:
		err := o.files.removeFiles(w.key, string(w.uid))
		if err == nil {
			o.forget(w.key, w.uid)
		}
		return err
	}
	return fmt.Errorf("unknown action %v", w.action)
}

func (o *Operator) createSandbox(ctx context.Context, w work, a CreateSandbox) error {
	if err := o.files.makeDirectories(w.pod); err != nil {
		return err
	}
	if err := o.makeCgroup(w.pod); err != nil {
		o.event(ctx, w, "", corev1.EventTypeWarning, "FailedCreatePodContainer", "unable to ensure pod container exists: %v", err)
		return err
	}
	_, err := o.runtime.RunPodSandbox(ctx, &runtimeapi.RunPodSandboxRequest{Config: cri.SandboxConfig(w.pod, a.Attempt, o.node)})
	if err != nil {
		o.event(ctx, w, "", corev1.EventTypeWarning, "FailedCreatePodSandBox", "Failed to create pod sandbox: %s", message(err))
	}
	return err
}

// makeCgroup makes the pod's cgroup, and weighs its class of pods anew against the others.
func (o *Operator) makeCgroup(pod *corev1.Pod) error {
	if class := podspec.QOSClass(&pod.Spec); class != corev1.PodQOSGuaranteed { // that one has no cgroup of its own
		onNode, err := o.pods.List(labels.Everything())
		if err != nil {
			return err
		}
		if err := containers.LimitCgroup(cri.ClassCgroup(o.node.CgroupRoot, class), cri.ClassLimits(class, onNode)); err != nil {
			return err
		}
	}
	return containers.LimitCgroup(cri.CgroupParent(o.node.CgroupRoot, pod), cri.PodLimits(pod))
}

// startContainer makes one attempt of a container and lets it run.
func (o *Operator) startContainer(ctx context.Context, w work, a StartContainer) error {
	c, sandbox := podspec.Find(&w.pod.Spec, a.Container), w.have.ready()
	if err := o.files.writeFiles(w.pod, c.Container, a.Attempt, sandbox.IPs); err != nil {
		return &problem{CreateContainerConfigError, err.Error()}
	}
	process, err := cri.ProcessOf(w.pod, c.Container, w.have.sources())
	if err != nil {
		return &problem{CreateContainerConfigError, err.Error()}
	}
	attempt := cri.Attempt{Number: a.Attempt, Streak: a.Streak, Image: a.Image}
	if c.Target != "" {
		beside := w.have.newest(c.Target)
		if beside == nil || beside.State != observed.Running {
			return &problem{CreateContainerConfigError, fmt.Sprintf("unable to find target container %q: it does not run", c.Target)}
		}
		attempt.Target = beside.ID
	}
	config := cri.ContainerConfig(w.pod, c.Container, attempt, process, o.node)
	mounts, err := o.mountsOf(w, c.Container, process.SubPaths)
	if err != nil {
		return &problem{CreateContainerConfigError, err.Error()}
	}
	config.Mounts = append(config.Mounts, mounts...)
	cri.NameUser(config.Linux.SecurityContext, w.have.Images[a.Container].ImageUser)
	created, err := o.runtime.CreateContainer(ctx, &runtimeapi.CreateContainerRequest{
		PodSandboxId:  a.Sandbox,
		Config:        config,
		SandboxConfig: cri.SandboxConfig(w.pod, sandbox.Attempt, o.node),
	})
	if err != nil {
		return &problem{CreateContainerError, message(err)}
	}
	o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Created", "Container created")
	if _, err := o.runtime.StartContainer(ctx, &runtimeapi.StartContainerRequest{ContainerId: created.ContainerId}); err != nil {
		return &problem{RunContainerError, message(err)}
	}
	o.event(ctx, w, a.Container, corev1.EventTypeNormal, "Started", "Container started")
	return o.postStart(w.hooks, w, c.Container, created.ContainerId, a.Sandbox)
}

func (o *Operator) removeContainer(ctx context.Context, w work, a RemoveContainer) error {
	for _, record := range w.have.Containers {
		if record.ID == a.ID && w.pod != nil {
			log := o.node.LogPath(w.pod, record.Name, record.Attempt)
			words := o.node.LastWordsPath(string(w.uid), record.Name, record.Attempt)
			if err := errors.Join(remove(log), remove(cri.RotatedLog(log)), remove(words), remove(o.node.StopPath(string(w.uid), a.ID))); err != nil {
				return err
			}
		}
	}
	_, err := o.runtime.RemoveContainer(ctx, &runtimeapi.RemoveContainerRequest{ContainerId: a.ID})
	return err
}

// deletePod lets the API server forget the pod, and no other that has come to bear its name.
func (o *Operator) deletePod(ctx context.Context, w work) error {
	ctx = trace.Because(ctx, "nothing is left of it on %s", o.node.Name)
	err := o.client.CoreV1().Pods(w.key.Namespace).Delete(ctx, w.key.Name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)), Preconditions: metav1.NewUIDPreconditions(string(w.uid))})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// event leaves a line in kubectl describe, about the pod or one of its containers.
func (o *Operator) event(ctx context.Context, w work, container, kind, reason, format string, args ...any) {
	if w.pod != nil {
		o.eventAbout(ctx, w.pod, container, kind, reason, fmt.Sprintf(format, args...))
	}
}

func (o *Operator) eventAbout(ctx context.Context, pod *corev1.Pod, container, kind, reason, text string) {
	o.client.Event(ctx, partOf(pod, container), kind, reason, "%s", text)
}
