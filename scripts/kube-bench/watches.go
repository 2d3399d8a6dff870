package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// watchedCreates is how many objects are created in sight of the watchers.
const watchedCreates = 200

// measureWatches times how long after the response to a create its event reaches every watcher.
func (b *bench) measureWatches(ctx context.Context) error {
	defer b.deleteObjects(context.WithoutCancel(ctx))
	for _, watchers := range []int{1, 100} {
		lags, err := b.lags(ctx, watchers)
		if err != nil {
			return err
		}
		work := fmt.Sprintf("create's response → its event, %d watchers", watchers)
		if watchers == 1 {
			work = "create's response → its event, 1 watcher"
		}
		b.report(work, "ms", milliseconds(lags))
	}
	return nil
}

// lags creates objects one by one before the eyes of some watchers. An event that comes before the response has no lag.
func (b *bench) lags(ctx context.Context, watchers int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := b.client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	prefix := fmt.Sprintf("w%d-", watchers)
	arrivals := make([][]time.Time, watchers)
	group, streams := errgroup.WithContext(ctx)
	for w := range watchers {
		client, err := b.connect()
		if err != nil {
			return nil, err
		}
		defer disconnect(client)
		options := &metav1.ListOptions{Watch: true, ResourceVersion: list.ResourceVersion}
		stream, err := client.CoreV1().RESTClient().Get().Namespace(namespace).Resource("configmaps").
			VersionedParams(options, scheme.ParameterCodec).Stream(streams)
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		group.Go(func() (err error) {
			arrivals[w], err = arrivalsOf(stream, prefix, watchedCreates)
			return err
		})
	}
	responses := make([]time.Time, watchedCreates)
	for n := range responses {
		if _, err := b.client.CoreV1().ConfigMaps(namespace).Create(ctx, newObject(prefix+strconv.Itoa(n)), metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		responses[n] = time.Now()
		if err := pause(ctx, 5*time.Millisecond); err != nil { // each create is a case of its own
			return nil, err
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var lags []time.Duration
	for _, times := range arrivals {
		for n, at := range times {
			lags = append(lags, max(at.Sub(responses[n]), 0))
		}
	}
	return lags, nil
}

// arrivalsOf notes when each object named prefix + number came in a stream of events, one a line. It does not decode
// them: a hundred watchers that do would measure the client.
func arrivalsOf(stream io.Reader, prefix string, number int) ([]time.Time, error) {
	lines := bufio.NewReaderSize(stream, 64<<10)
	times := make([]time.Time, number)
	before := []byte(`"name":"` + prefix)
	for got := 0; got < number; {
		line, err := lines.ReadBytes('\n')
		at := time.Now()
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		_, rest, found := bytes.Cut(line, before)
		digits, _, ended := bytes.Cut(rest, []byte(`"`))
		n, err := strconv.Atoi(string(digits))
		if !found || !ended || err != nil || n >= number || !times[n].IsZero() {
			continue
		}
		times[n] = at
		got++
	}
	return times, nil
}
