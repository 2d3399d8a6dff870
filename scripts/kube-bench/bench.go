package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// namespace holds all that a bench makes.
const namespace = "kubelab-bench"

// patience bounds each wait for one thing to happen.
const patience = 60 * time.Second

// bench is one run against one cluster.
type bench struct {
	config  *rest.Config
	client  kubernetes.Interface
	cluster string // of kubelab, on this machine; else ""
	figures []figure
}

func newBench(config *rest.Config, cluster string) (*bench, error) {
	config.QPS = -1 // the server is measured, not the client's patience
	config.ContentType = "application/json"
	config.UserAgent = "kube-bench"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &bench{config: config, client: client, cluster: cluster}, nil
}

func (b *bench) report(work, unit string, samples []float64) {
	if len(samples) > 0 {
		b.figures = append(b.figures, newFigure(work, unit, samples))
	}
}

// connect makes a client with a connection of its own: client-go lets clients of one configuration share one.
func (b *bench) connect() (kubernetes.Interface, error) {
	config := rest.CopyConfig(b.config)
	config.Dial = (&net.Dialer{}).DialContext
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfigAndClient(config, transport)
}

// disconnect ends the connection that [bench.connect] made.
func disconnect(client kubernetes.Interface) {
	if c, ok := client.CoreV1().RESTClient().(*rest.RESTClient); ok {
		c.Client.CloseIdleConnections()
	}
}

// prepare makes the namespace, after what a broken run may have left is gone.
func (b *bench) prepare(ctx context.Context) error {
	if err := b.cleanUp(ctx); err != nil {
		return err
	}
	_, err := b.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	return err
}

// cleanUp deletes the namespace with all that is in it.
func (b *bench) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := b.client.CoreV1().Namespaces()
	err := client.Delete(ctx, namespace, metav1.DeleteOptions{})
	for !apierrors.IsNotFound(err) {
		if err != nil {
			return fmt.Errorf("delete namespace %s: %w", namespace, err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("wait for namespace %s to be gone: %w", namespace, err)
		}
		_, err = client.Get(ctx, namespace, metav1.GetOptions{})
	}
	return nil
}

// pause rests, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// await reads events until done says that it saw enough.
func await(ctx context.Context, events watch.Interface, what string, done func(watch.Event) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		case event, open := <-events.ResultChan():
			if !open {
				return fmt.Errorf("wait for %s: %w", what, errors.New("the server ended the watch"))
			}
			if event.Type == watch.Error {
				return fmt.Errorf("wait for %s: %w", what, apierrors.FromObject(event.Object))
			}
			if done(event) {
				return nil
			}
		}
	}
}
