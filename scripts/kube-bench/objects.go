package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Objects are created in rounds; a list has so many of them.
const (
	createRounds = 5
	listed       = 5000
	listRounds   = 10
)

// newObject is a ConfigMap of about 1 KiB.
func newObject(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"payload": strings.Repeat("k", 900)}}
}

// measureObjects creates objects with one client and with many, then lists them.
func (b *bench) measureObjects(ctx context.Context) error {
	defer b.deleteObjects(context.WithoutCancel(ctx))
	made := 0
	for _, load := range []struct{ clients, each int }{{1, 300}, {64, 10}} {
		if err := b.measureCreate(ctx, load.clients, load.each); err != nil {
			return err
		}
		made += createRounds * load.clients * load.each
	}
	if _, err := createAll(ctx, []kubernetes.Interface{b.client}, "rest", max(listed-made, 0)); err != nil {
		return err
	}
	return b.measureList(ctx)
}

// measureCreate runs rounds in which each of some clients creates objects one after the other.
func (b *bench) measureCreate(ctx context.Context, number, each int) error {
	clients := make([]kubernetes.Interface, number)
	for i := range clients {
		client, err := b.connect()
		if err != nil {
			return err
		}
		defer disconnect(client)
		if _, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil { // connected
			return err
		}
		clients[i] = client
	}
	before := b.processes()
	var rounds, all []time.Duration
	for round := range createRounds {
		began := time.Now()
		latencies, err := createAll(ctx, clients, fmt.Sprintf("c%d-%d", number, round), each)
		if err != nil {
			return err
		}
		rounds = append(rounds, time.Since(began))
		all = append(all, latencies...)
	}
	work := fmt.Sprintf("create 1 KiB objects, %d clients", number)
	if number == 1 {
		work = "create 1 KiB objects, 1 client"
	}
	b.report(work, "1/s", rates(rounds, number*each))
	b.report(work+": each", "ms", milliseconds(all))
	b.reportCPU(work+": CPU for 1,000", before, b.processes(), float64(len(all))/1000, "apiserver", "etcd")
	return nil
}

// createAll lets all clients create objects at once, and returns how long each creation took.
func createAll(ctx context.Context, clients []kubernetes.Interface, prefix string, each int) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for i, client := range clients {
		group.Go(func() error {
			var own []time.Duration
			for n := range each {
				began := time.Now()
				object := newObject(fmt.Sprintf("%s-%d-%d", prefix, i, n))
				if _, err := client.CoreV1().ConfigMaps(namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
					return fmt.Errorf("create %s: %w", object.Name, err)
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			return nil
		})
	}
	return all, group.Wait()
}

// measureList reads the whole list as JSON, and leaves it undecoded: the server is measured.
func (b *bench) measureList(ctx context.Context) error {
	var times []time.Duration
	for range listRounds {
		began := time.Now()
		if _, err := b.client.CoreV1().RESTClient().Get().Namespace(namespace).Resource("configmaps").DoRaw(ctx); err != nil {
			return err
		}
		times = append(times, time.Since(began))
	}
	list, err := b.client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	b.report(fmt.Sprintf("list %d objects, JSON", len(list.Items)), "ms", milliseconds(times))
	return nil
}

// deleteObjects takes away what was created; what it leaves behind goes with the namespace.
func (b *bench) deleteObjects(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = b.client.CoreV1().ConfigMaps(namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
}
