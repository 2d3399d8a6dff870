package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// How many pods are started, and how many are ended, one after the other.
const (
	startedPods = 40
	endedPods   = 20
)

// newPod is a pod of the image that every kubelab node has.
func newPod(name string, labels map[string]string, command ...string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Spec: podSpec(command...)}
}

func podSpec(command ...string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{
		Name: "main", Image: "busybox", ImagePullPolicy: corev1.PullIfNotPresent, Command: command,
	}}}
}

// endsAtOnce is a command that ends when it is told to: a plain sleep would have to be killed, for the first process of a
// container gets no signal that it does not handle.
var endsAtOnce = []string{"sh", "-c", "trap exit TERM; sleep 1000000 & wait"}

// watchPods sees every change of the bench's pods from now on.
func (b *bench) watchPods(ctx context.Context) (watch.Interface, error) {
	list, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return b.client.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// start creates a pod and waits until the watch shows it Ready.
func (b *bench) start(ctx context.Context, events watch.Interface, pod *corev1.Pod) (seen, error) {
	times := seen{asked: time.Now()}
	if _, err := b.client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return times, fmt.Errorf("create pod %s: %w", pod.Name, err)
	}
	err := await(ctx, events, "pod "+pod.Name+" to be Ready", func(event watch.Event) bool {
		changed, ok := event.Object.(*corev1.Pod)
		return ok && changed.Name == pod.Name && isReady(changed)
	})
	times.ready = time.Now()
	return times, err
}

// warmUp runs a pod on every node, so that each has the image and has done once what it does only once. Elsewhere the
// namespace's service account comes a little after the namespace, and a pod is forbidden until then.
func (b *bench) warmUp(ctx context.Context) error {
	nodes, err := b.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	events, err := b.watchPods(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	for _, node := range nodes.Items {
		pod := newPod("warm-"+node.Name, nil, "sleep", "1000000")
		pod.Spec.NodeName = node.Name
		_, err := b.start(ctx, events, pod)
		for try := 0; apierrors.IsForbidden(err) && try < 100 && pause(ctx, 100*time.Millisecond) == nil; try++ {
			_, err = b.start(ctx, events, pod)
		}
		if err != nil {
			return err
		}
	}
	return b.endPods(ctx, events)
}

// measureStart starts pods one after the other, and weighs what they cost.
func (b *bench) measureStart(ctx context.Context) error {
	events, err := b.watchPods(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	idle := b.processes()
	var times []time.Duration
	for i := range startedPods {
		t, err := b.start(ctx, events, newPod(fmt.Sprintf("start-%d", i), nil, "sleep", "1000000"))
		if err != nil {
			return err
		}
		times = append(times, t.ready.Sub(t.asked))
	}
	b.report("pod create → Ready", "ms", milliseconds(times))
	after := b.processes()
	b.reportGrowth(idle, after, startedPods)
	b.reportCPU("pod create → Ready: CPU", idle, after, startedPods,
		"apiserver", "etcd", "scheduler", "controllers", "kubelet", "proxy", "runtime", shim)
	return b.endPods(ctx, events)
}

// measureEnd starts pods behind a service, one after the other, asks the record where the time went, and ends them.
func (b *bench) measureEnd(ctx context.Context) error {
	labels := map[string]string{"bench": "end"}
	_, err := b.client.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "end"},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	events, err := b.watchPods(ctx)
	if err != nil {
		return err
	}
	defer events.Stop()
	starts := map[string]seen{}
	for i := range endedPods {
		name := fmt.Sprintf("end-%d", i)
		if starts[name], err = b.start(ctx, events, newPod(name, labels, endsAtOnce...)); err != nil {
			return err
		}
	}
	if err := b.reportStages(ctx, starts); err != nil {
		return err
	}
	var times []time.Duration
	for name := range starts {
		began := time.Now()
		if err := b.client.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		if err := await(ctx, events, "pod "+name+" to be gone", func(event watch.Event) bool {
			pod, ok := event.Object.(*corev1.Pod)
			return ok && pod.Name == name && event.Type == watch.Deleted
		}); err != nil {
			return err
		}
		times = append(times, time.Since(began))
	}
	b.report("pod delete → gone", "ms", milliseconds(times))
	return b.client.CoreV1().Services(namespace).Delete(ctx, "end", metav1.DeleteOptions{})
}

// endPods takes away all pods of the bench, at once.
func (b *bench) endPods(ctx context.Context, events watch.Interface) error {
	pods, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, pod := range pods.Items {
		left[pod.Name] = true
		err := b.client.CoreV1().Pods(namespace).Delete(ctx, pod.Name, *metav1.NewDeleteOptions(0))
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete pod %s: %w", pod.Name, err)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return await(ctx, events, "all pods to be gone", func(event watch.Event) bool {
		if pod, ok := event.Object.(*corev1.Pod); ok && event.Type == watch.Deleted {
			delete(left, pod.Name)
		}
		return len(left) == 0
	})
}
