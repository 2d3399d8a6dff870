//go:build linux

package services

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"kubelab/kube/operator"
	"kubelab/kube/rules"
	"kubelab/kube/trace"
)

// loader brings many services to the kernel in one transaction: that takes hardly longer than for one. (loader_load.go)
type loader struct {
	services corelisters.ServiceLister
	slices   cache.Indexer
	nodes    corelisters.NodeLister
	self     string
	ranges   Ranges
	waiting  chan request
	again    func(operator.Key, ...trace.ID) // has a key requested once more

	rules  *rules.Loader[operator.Key]
	node   Node  // for which the kernel has its table
	stale  stale // UDP frontends that are not flushed yet
	loaded map[operator.Key]version
	told   map[operator.Key]version // what the record knows
	// refused says of a service why the kernel does not take its rules, if the record knows of that.
	refused map[operator.Key]string
}

// request is a key that a worker of the loop wants loaded, outcome the answer that it waits for.
type request struct {
	key    operator.Key
	answer chan<- outcome
}

type outcome struct {
	changed   bool // since the last answer about this key
	frontends []Frontend
	causes    []trace.ID // the writes that are new since then
	err       error
	refused   bool // err is new, and about this service alone
}

// version is what a service's rules are, and the writes that made the service and its slices so.
type version struct {
	frontends []Frontend
	writes    []trace.ID
}

// run takes all requests that wait, loads them in one transaction, and looks again: the more changes come, the
// more of them share a transaction, and a single one never waits for others.
func (l *loader) run(ctx context.Context) {
	for {
		var batch []request
		select {
		case first := <-l.waiting:
			batch = append(batch, first)
		case <-ctx.Done():
			return
		}
		for more := true; more; {
			select {
			case next := <-l.waiting:
				batch = append(batch, next)
			default:
				more = false
			}
		}
		keys := make([]operator.Key, len(batch))
		for i, r := range batch {
			keys[i] = r.key
		}
		failed := l.load(ctx, keys)
		for _, r := range batch {
			r.answer <- l.outcome(r.key, failed[r.key])
			delete(failed, r.key)
		}
		for key := range failed { // nobody waits for these
			l.again(key)
		}
	}
}

// outcome compares what is loaded for a key with what was told of it.
func (l *loader) outcome(key operator.Key, err error) outcome {
	if err != nil {
		known := l.refused[key]
		if l.refused[key] = err.Error(); !errors.Is(err, rules.ErrRefused) {
			delete(l.refused, key)
		}
		return outcome{err: err, refused: l.refused[key] != known && l.refused[key] != ""}
	}
	delete(l.refused, key)
	now, before := l.loaded[key], l.told[key]
	put(l.told, key, now)
	return outcome{
		changed:   !slices.EqualFunc(now.frontends, before.frontends, sameFrontend),
		frontends: now.frontends,
		causes: slices.DeleteFunc(slices.Clone(now.writes), func(id trace.ID) bool {
			return slices.Contains(before.writes, id)
		}),
	}
}

// observe looks at a service and plans what the node needs for it.
func (l *loader) observe(key operator.Key) version {
	service, err := l.services.Services(key.Namespace).Get(key.Name)
	if err != nil { // the only error of a cache is that there is none
		return version{}
	}
	endpoints := slicesOf(l.slices, key)
	writes := []trace.ID{trace.Wrote(service.ResourceVersion)}
	for _, slice := range endpoints {
		writes = append(writes, trace.Wrote(slice.ResourceVersion))
	}
	return version{PlanFrontends(service, endpoints, l.node), writes}
}

func (l *loader) allServices() []operator.Key {
	all, _ := l.services.List(labels.Everything()) // a cache does not fail
	var keys []operator.Key
	for _, service := range all {
		keys = append(keys, operator.Self(service)...)
	}
	return keys
}

func (l *loader) observeNode() Node {
	node := Node{Name: l.self}
	object, err := l.nodes.Get(l.self)
	if err != nil {
		return node // not registered yet
	}
	for _, address := range object.Status.Addresses {
		if address.Type == corev1.NodeInternalIP && !node.IP.IsValid() {
			node.IP, _ = netip.ParseAddr(address.Address)
		}
	}
	node.PodCIDR, _ = netip.ParsePrefix(object.Spec.PodCIDR)
	return node
}

// put keeps a version, unless there is nothing to keep: the service is gone.
func put(versions map[operator.Key]version, key operator.Key, v version) {
	if v.writes == nil {
		delete(versions, key)
		return
	}
	versions[key] = v
}
