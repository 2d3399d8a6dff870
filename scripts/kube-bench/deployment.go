package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// A Deployment is started several times with so many pods.
const (
	deploymentRounds = 3
	replicas         = 30
)

// measureDeployment starts Deployments where the scheduler likes, and on one node.
func (b *bench) measureDeployment(ctx context.Context) error {
	nodes, err := b.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	one := map[string]string{corev1.LabelHostname: nodes.Items[0].Labels[corev1.LabelHostname]}
	where := []struct {
		name     string
		selector map[string]string
	}{{fmt.Sprintf("%d nodes", len(nodes.Items)), nil}, {"one node", one}}
	for _, w := range where {
		var times []time.Duration
		for round := range deploymentRounds {
			took, err := b.deploy(ctx, fmt.Sprintf("web-%d", round), w.selector)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		b.report(fmt.Sprintf("Deployment of %d pods → all Ready, %s", replicas, w.name), "ms", milliseconds(times))
	}
	return nil
}

// deploy times one Deployment, and takes it away again.
func (b *bench) deploy(ctx context.Context, name string, nodes map[string]string) (time.Duration, error) {
	events, err := b.watchPods(ctx)
	if err != nil {
		return 0, err
	}
	defer events.Stop()
	labels := map[string]string{"bench": name}
	number := int32(replicas)
	spec := podSpec("sleep", "1000000")
	spec.NodeSelector = nodes
	deployments := b.client.AppsV1().Deployments(namespace)
	began := time.Now()
	_, err = deployments.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &number, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return 0, err
	}
	ready := map[string]bool{}
	if err := await(ctx, events, fmt.Sprintf("%d pods to be Ready", replicas), func(event watch.Event) bool {
		if pod, ok := event.Object.(*corev1.Pod); ok && pod.Labels["bench"] == name && isReady(pod) {
			ready[pod.Name] = true
		}
		return len(ready) == replicas
	}); err != nil {
		return 0, err
	}
	took := time.Since(began)
	// Orphaned pods are started again by nobody, and can be ended without their grace.
	orphan := metav1.DeletePropagationOrphan
	if err := deployments.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &orphan}); err != nil {
		return 0, err
	}
	if err := b.client.AppsV1().ReplicaSets(namespace).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &orphan}, metav1.ListOptions{}); err != nil {
		return 0, err
	}
	return took, b.endPods(ctx, events)
}
