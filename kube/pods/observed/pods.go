package observed

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// Pods are what the runtime has, by pod, as its events and lists have told it. Both come late, more than once or not at all, and
// lists overlap with events. So each record only moves forward, an ID that has gone never comes back, and what a list lacks goes only
// if nothing was told of it since the list was asked for.
type Pods struct {
	runtime runtimeapi.RuntimeServiceClient
	words   func(context.Context, *runtimeapi.ContainerStatus) string

	mu      sync.Mutex
	listed  bool   // the runtime is listened to, and was listed since
	tick    uint64 // counts what was asked and told
	pods    map[Pod]Records
	told    map[string]mention     // by ID of a sandbox or container
	removed map[string]uint64      // by ID: when it went
	before  uint64                 // when the last list of everything was asked for
	unclear map[operator.Key]error // why what the runtime has of a pod is not known, though it was listed
}

// mention is when something was told of a record last, and whose it is.
type mention struct {
	pod Pod
	at  uint64
}

// Pod is one pod among those that have had its name one after the other.
type Pod struct {
	operator.Key
	UID types.UID
}

// News is what was told of a pod that was not known. The more of it, the sooner the pod is looked at.
type News int

// What may be new.
const (
	Nothing News = iota
	Work         // something was made or removed, as jobs do
	End          // something has ended, or went without an end
)

// New knows nothing yet. It asks runtime, and words for what a program said before it ended (its termination message), which is read once for each
// container that has ended.
func New(runtime runtimeapi.RuntimeServiceClient, words func(context.Context, *runtimeapi.ContainerStatus) string) *Pods {
	return &Pods{runtime: runtime, words: words, pods: map[Pod]Records{}, told: map[string]mention{}, removed: map[string]uint64{}, unclear: map[operator.Key]error{}}
}

// errNotListed is until the runtime is listened to and was listed.
var errNotListed = errors.New("what the runtime has is not known at present")

// Of is what the runtime has under a pod's name. The error is why that is not known.
func (o *Pods) Of(key operator.Key) (records map[types.UID]Records, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.listed {
		return nil, errNotListed
	}
	if err := o.unclear[key]; err != nil {
		return nil, err
	}
	records = map[types.UID]Records{}
	for pod, has := range o.pods {
		if pod.Key == key {
			records[pod.UID] = Records{slices.Clone(has.Sandboxes), slices.Clone(has.Containers)}
		}
	}
	return records, nil
}

// Listed is whether what the runtime has is known: it is listened to, and was listed since.
func (o *Pods) Listed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.listed
}

// Lost notes that nobody listens to the runtime any more. What it has is known again after the next list of everything.
func (o *Pods) Lost() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listed = false
}

// Ask is called before the runtime is asked for a list, whose answer goes to Answered.
func (o *Pods) Ask() (asked uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick++
	return o.tick
}

// Event takes in what an event tells of some of a pod's records, and says what of it was news.
func (o *Pods) Event(pod Pod, tells Records) News {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick++
	return o.take(pod, tells, 0)
}

// Answered takes in a list of all that the runtime has, or has under one name, and says what was news of which pods. Of those that are
// unclear nothing is missing because the list lacks it.
func (o *Pods) Answered(asked uint64, all map[Pod]Records, unclear map[operator.Key]error, only *operator.Key) map[operator.Key]News {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick++
	found := map[operator.Key]News{}
	there := map[string]bool{}
	for pod, tells := range all {
		for id := range tells.IDs() {
			there[id] = true
		}
		if n := o.take(pod, tells, asked); n != Nothing {
			found[pod.Key] = max(found[pod.Key], n)
		}
	}
	for pod, has := range o.pods {
		if only != nil && *only != pod.Key || unclear[pod.Key] != nil {
			continue
		}
		for _, id := range slices.Collect(has.IDs()) {
			if !there[id] && o.told[id].at < asked && o.told[id].at > 0 {
				found[pod.Key] = max(found[pod.Key], o.drop(pod, id))
			}
		}
	}
	if only != nil {
		delete(o.unclear, *only)
	} else {
		o.unclear = map[operator.Key]error{}
	}
	maps.Copy(o.unclear, unclear)
	if only == nil {
		o.listed = true
		maps.DeleteFunc(o.removed, func(_ string, when uint64) bool { return when < o.before }) // no list from before it is still on its way
		o.before = asked
	}
	return found
}

// take merges what is told into what is known. asked is when the list was asked for that tells it, 0 for an event.
func (o *Pods) take(pod Pod, tells Records, asked uint64) News {
	has, most := o.pods[pod], Nothing
	for _, told := range tells.Sandboxes {
		if o.removed[told.ID] > 0 {
			continue
		}
		i := slices.IndexFunc(has.Sandboxes, func(s Sandbox) bool { return s.ID == told.ID })
		if i < 0 {
			has.Sandboxes, most = append(has.Sandboxes, told), max(most, newsOf(told.Ready))
		} else if later := laterSandbox(has.Sandboxes[i], told, o.told[told.ID].at < asked); !reflect.DeepEqual(later, has.Sandboxes[i]) {
			has.Sandboxes[i], most = later, max(most, newsOf(later.Ready))
		}
		o.told[told.ID] = mention{pod, o.tick}
	}
	for _, told := range tells.Containers {
		if o.removed[told.ID] > 0 {
			continue
		}
		i := slices.IndexFunc(has.Containers, func(c Container) bool { return c.ID == told.ID })
		if i < 0 {
			has.Containers, most = append(has.Containers, told), max(most, newsOf(told.State != Exited))
		} else if later := laterContainer(has.Containers[i], told); later.State != has.Containers[i].State {
			has.Containers[i], most = later, max(most, newsOf(later.State != Exited))
		}
		o.told[told.ID] = mention{pod, o.tick}
	}
	if most != Nothing {
		slices.SortStableFunc(has.Sandboxes, func(a, b Sandbox) int { return cmp.Compare(b.Attempt, a.Attempt) })
		slices.SortStableFunc(has.Containers, func(a, b Container) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.Attempt, a.Attempt))
		})
		o.pods[pod] = has
	}
	return most
}

// newsOf is the news that something was told of that lives, or does not.
func newsOf(lives bool) News {
	if lives {
		return Work
	}
	return End
}

// Gone takes in that a sandbox or container was removed, and says of which pod, and whether anything of it was known.
func (o *Pods) Gone(id string) (operator.Key, News) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tick++
	o.removed[id] = o.tick
	is, known := o.told[id]
	if !known {
		return operator.Key{}, Nothing
	}
	return is.pod.Key, o.drop(is.pod, id)
}

// drop forgets a container, or a sandbox with all that is in it.
func (o *Pods) drop(pod Pod, id string) News {
	most := Work
	went := func(id string) {
		delete(o.told, id)
		o.removed[id] = o.tick
	}
	went(id)
	has := o.pods[pod]
	has.Sandboxes = slices.DeleteFunc(has.Sandboxes, func(s Sandbox) bool {
		if s.ID == id && s.Ready {
			most = End
		}
		return s.ID == id
	})
	has.Containers = slices.DeleteFunc(has.Containers, func(c Container) bool {
		if c.ID != id && c.Sandbox != id {
			return false
		}
		if went(c.ID); c.State != Exited {
			most = End
		}
		return true
	})
	if o.pods[pod] = has; len(has.Sandboxes)+len(has.Containers) == 0 {
		delete(o.pods, pod)
	}
	return most
}

// known is what is known of a sandbox or container: one record of one pod, or nothing.
func (o *Pods) known(id string) (Pod, Records) {
	o.mu.Lock()
	defer o.mu.Unlock()
	pod := o.told[id].pod
	has := o.pods[pod]
	var is Records
	if i := slices.IndexFunc(has.Sandboxes, func(s Sandbox) bool { return s.ID == id }); i >= 0 {
		is.Sandboxes = []Sandbox{has.Sandboxes[i]}
	}
	if i := slices.IndexFunc(has.Containers, func(c Container) bool { return c.ID == id }); i >= 0 {
		is.Containers = []Container{has.Containers[i]}
	}
	return pod, is
}

// Explain notes which steps made a record what it is, unless it has become another since.
func (o *Pods) Explain(id string, as State, causes []trace.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	has := o.pods[o.told[id].pod]
	for i := range has.Sandboxes {
		if s := &has.Sandboxes[i]; s.ID == id && s.Ready {
			s.Causes = causes
		}
	}
	for i := range has.Containers {
		if c := &has.Containers[i]; c.ID == id && c.State == as {
			c.Causes = causes
		}
	}
}
