//go:build linux

package sitecommand

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/operator"
	"kubelab/kube/operator/stepmode"
	"kubelab/kube/trace"
	"kubelab/site"
)

// gates are step mode, as the lab site shows it.
type gates struct {
	client kubernetes.Interface
	loops  []string
	steps  func(seq int64) []trace.Step // of the causal record
}

// List is every loop, and those that are held on one host only.
func (g gates) List(ctx context.Context) ([]site.Gate, error) {
	is, err := g.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, operator.StepMode, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	names := slices.AppendSeq(slices.Clone(g.loops), maps.Keys(is.Data))
	slices.Sort(names)
	held := trace.Held(g.steps(0))
	var all []site.Gate
	for _, name := range slices.Compact(names) {
		gate := site.Gate{Loop: strings.Replace(name, ".", "@", 1), Waiting: []trace.Ref{}}
		if _, gate.Held = is.Data[name]; gate.Held {
			gate.Waiting = append(gate.Waiting, stepmode.Waiting(name, held)...)
		}
		all = append(all, gate)
	}
	return all, nil
}

// Set holds a loop, lets it go on once, or releases it.
func (g gates) Set(ctx context.Context, loop, action string) error {
	name, err := stepmode.LoopName(g.loops, loop)
	if err != nil || name == "" {
		return cmp.Or(err, fmt.Errorf("loop %q: %w", loop, site.ErrUnknown))
	}
	change := map[string]func(data map[string]string, loop string) error{"hold": stepmode.Hold, "next": stepmode.Next, "release": stepmode.Release}[action]
	if change == nil {
		return fmt.Errorf("action %q: %w: it is hold, next or release", action, site.ErrUnknown)
	}
	return stepmode.Change(ctx, g.client, func(data map[string]string) error { return change(data, name) })
}
