package garbage

import (
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
)

// graph is every object of the cluster, by its outside only, and who owns whom.
type graph struct {
	mu         sync.RWMutex
	objects    map[types.UID]Object
	dependents map[types.UID]uidSet // by owner, which need not be among the objects
	contents   map[string]uidSet    // by namespace
	gone       *lru.Cache           // UIDs that are known to be no more; one never comes back
}

// rememberGone bounds how many absent owners are remembered: those of the last deletions have many dependents.
const rememberGone = 1000

type uidSet map[types.UID]bool

func newGraph() *graph {
	return &graph{objects: map[types.UID]Object{}, dependents: map[types.UID]uidSet{}, contents: map[string]uidSet{}, gone: lru.New(rememberGone)}
}

// put takes in an object as it is now. It returns the objects that have to be looked at for that.
func (g *graph) put(o Object) []types.UID {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, known := g.objects[o.UID]
	g.unlink(before)
	g.objects[o.UID] = o
	for _, owner := range o.Owners {
		add(g.dependents, owner.UID, o.UID)
	}
	if o.Namespace != "" {
		add(g.contents, o.Namespace, o.UID)
	}
	if known && sameTies(before, o) {
		return nil
	}
	concerned := g.waitingOwners(before)
	if o.Deleting || len(o.Owners) > 0 {
		concerned = append(concerned, o.UID)
	}
	if o.Holding(metav1.FinalizerDeleteDependents) {
		concerned = append(concerned, keys(g.dependents[o.UID])...)
	}
	return concerned
}

// drop takes out an object that is gone. It returns the objects that have to be looked at for that.
func (g *graph) drop(uid types.UID) []types.UID {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.objects[uid]
	g.unlink(o)
	delete(g.objects, uid)
	g.gone.Add(uid, nil)
	return append(g.waitingOwners(o), keys(g.dependents[uid])...)
}

// forget takes out all objects of a resource that is not watched any more. Nothing is known of them, not that they
// are gone either.
func (g *graph) forget(resource schema.GroupVersionResource) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for uid, o := range g.objects {
		if o.Resource == resource {
			g.unlink(o)
			delete(g.objects, uid)
		}
	}
}

func (g *graph) unlink(o Object) {
	for _, owner := range o.Owners {
		remove(g.dependents, owner.UID, o.UID)
	}
	remove(g.contents, o.Namespace, o.UID)
}

// waitingOwners are the owners that cannot go before o has gone, or has left them.
func (g *graph) waitingOwners(o Object) []types.UID {
	var waiting []types.UID
	for _, ref := range o.Owners {
		owner := g.objects[ref.UID]
		if owner.Holding(metav1.FinalizerDeleteDependents) || owner.Holding(metav1.FinalizerOrphanDependents) {
			waiting = append(waiting, ref.UID)
		}
	}
	return waiting
}

func (g *graph) get(uid types.UID) (Object, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	o, ok := g.objects[uid]
	return o, ok
}

// isGone says whether the object with this UID was seen to go.
func (g *graph) isGone(uid types.UID) bool {
	_, gone := g.gone.Get(uid)
	return gone
}

func (g *graph) dependentsOf(uid types.UID) []Object {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.all(g.dependents[uid])
}

// waitsForItself says whether o is deleted and waits for a dependent that waits for one of its own, and so on to o again.
func (g *graph) waitsForItself(o Object) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	seen := map[types.UID]bool{}
	for next := []Object{o}; len(next) > 0; next = next[1:] {
		if !next[0].Holding(metav1.FinalizerDeleteDependents) {
			continue
		}
		for uid := range g.dependents[next[0].UID] {
			dependent := g.objects[uid]
			if !blocks(dependent, next[0].UID) {
				continue
			} else if uid == o.UID {
				return true
			} else if !seen[uid] {
				seen[uid] = true
				next = append(next, dependent)
			}
		}
	}
	return false
}

// in lists the objects of a namespace.
func (g *graph) in(namespace string) []Object {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.all(g.contents[namespace])
}

func (g *graph) all(uids uidSet) []Object {
	objects := make([]Object, 0, len(uids))
	for uid := range uids {
		objects = append(objects, g.objects[uid])
	}
	return objects
}

// sameTies says whether nothing has changed that concerns anybody else.
func sameTies(a, b Object) bool {
	return a.Deleting == b.Deleting && slices.Equal(a.Finalizers, b.Finalizers) &&
		slices.EqualFunc(a.Owners, b.Owners, func(x, y metav1.OwnerReference) bool {
			return x.UID == y.UID && ptr.Deref(x.BlockOwnerDeletion, false) == ptr.Deref(y.BlockOwnerDeletion, false)
		})
}

func add[K comparable](sets map[K]uidSet, key K, uid types.UID) {
	if sets[key] == nil {
		sets[key] = uidSet{}
	}
	sets[key][uid] = true
}

func remove[K comparable](sets map[K]uidSet, key K, uid types.UID) {
	delete(sets[key], uid)
	if len(sets[key]) == 0 {
		delete(sets, key)
	}
}

func keys(set uidSet) []types.UID {
	uids := make([]types.UID, 0, len(set))
	for uid := range set {
		uids = append(uids, uid)
	}
	return uids
}
