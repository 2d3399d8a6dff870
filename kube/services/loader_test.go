//go:build linux

package services

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"

	"kubelab/kube/operator"
	"kubelab/kube/rules"
	"kubelab/kube/trace"
)

// refusing is a kernel that takes no transaction with one of some words in it.
type refusing struct {
	*knftables.Fake
	words       map[string]bool
	tries, runs int
}

func (r *refusing) verdict(tx *knftables.Transaction) error {
	for word := range r.words {
		if strings.Contains(tx.String(), word) {
			return errors.New("not " + word)
		}
	}
	return nil
}

func (r *refusing) Check(ctx context.Context, tx *knftables.Transaction) error {
	r.tries++
	return errors.Join(r.verdict(tx), r.Fake.Check(ctx, tx))
}

func (r *refusing) Run(ctx context.Context, tx *knftables.Transaction) error {
	r.runs++
	if err := r.verdict(tx); err != nil {
		return err
	}
	return r.Fake.Run(ctx, tx)
}

func TestAServiceThatTheKernelRefusesDoesNotBlockTheOthers(t *testing.T) {
	kernel := &refusing{Fake: knftables.NewFake(knftables.IPv4Family, TableName), words: map[string]bool{}}
	recorder, err := trace.NewRecorder("proxy", "node-1", "")
	if err != nil {
		t.Fatal(err)
	}
	client := operator.NewClient(fake.NewClientset(), recorder, "proxy")
	proxy, err := NewProxy(client, kernel, "node-1", ranges)
	if err != nil {
		t.Fatal(err)
	}
	l := proxy.loader
	key := func(n int) operator.Key { return operator.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", n)} }
	set := func(n int, address string) {
		s := web()
		s.Name, s.Spec.ClusterIP = key(n).Name, address
		if err := client.Watches.Core().V1().Services().Informer().GetIndexer().Add(s); err != nil {
			t.Fatal(err)
		}
		if err := l.slices.Add(behind(s, at("10.244.2.9", "node-2", "ready"))[0]); err != nil {
			t.Fatal(err)
		}
	}
	const all = 100
	var keys []operator.Key
	for n := range all {
		keys = append(keys, key(n))
		set(n, fmt.Sprintf("10.96.7.%d", 100+n))
	}
	expect := func(when string, failed map[operator.Key]error, bad ...int) {
		t.Helper()
		table := kernel.Dump()
		if len(failed) != len(bad) {
			t.Errorf("%s: these fail: %v", when, failed)
		}
		for n := range all {
			there := strings.Contains(table, fmt.Sprintf("10.96.7.%d . tcp . 80 : goto", 100+n))
			wanted := true
			for _, b := range bad {
				wanted = wanted && n != b
			}
			if there != wanted || wanted != (failed[key(n)] == nil) || !wanted && !errors.Is(failed[key(n)], rules.ErrRefused) {
				t.Errorf("%s: service %d is in the kernel: %t, its error: %v", when, n, there, failed[key(n)])
			}
		}
	}
	kernel.words = map[string]bool{"10.96.7.117": true, "10.96.7.164": true}
	expect("first", l.load(t.Context(), nil), 17, 64)
	if kernel.tries > 40 || kernel.runs != 2 {
		t.Errorf("to find two of a hundred took %d tries, and %d transactions instead of 2", kernel.tries, kernel.runs)
	}
	kernel.words = map[string]bool{"10.96.7.164": true}
	expect("one is mended", l.load(t.Context(), keys), 64)
	kernel.words = map[string]bool{"10.96.8.1": true}
	expect("both are mended", l.load(t.Context(), keys))

	set(5, "10.96.8.1")
	failed := l.load(t.Context(), keys[:10])
	if !errors.Is(failed[key(5)], rules.ErrRefused) || !strings.Contains(kernel.Dump(), "10.96.7.105 . tcp . 80 : goto") {
		t.Errorf("a service that becomes wrong must keep the rules that it had: %v", failed)
	}
	if first, second := l.outcome(key(5), failed[key(5)]), l.outcome(key(5), failed[key(5)]); !first.refused || second.refused {
		t.Error("it is not told once why")
	}
	set(5, "10.96.7.105")
	expect("all are mended", l.load(t.Context(), keys))
}
