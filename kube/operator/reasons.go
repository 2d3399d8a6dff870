package operator

import (
	"sync"
	"time"

	"kubelab/kube/trace"
)

// maxCauses bounds what one key remembers; the newest causes win.
const maxCauses = 64

// reasons keeps, for each key, why it is in the queue.
type reasons struct {
	mu     sync.Mutex
	causes map[Key][]trace.ID
	alarms map[Key]alarm
}

// alarm is a time that a key waits for.
type alarm struct {
	at   time.Time
	what string
}

func (r *reasons) add(key Key, causes []trace.ID) {
	if len(causes) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.causes == nil {
		r.causes = map[Key][]trace.ID{}
	}
	all := append(r.causes[key], causes...)
	r.causes[key] = all[max(0, len(all)-maxCauses):]
}

// await notes the nearest alarm of a key.
func (r *reasons) await(key Key, at time.Time, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.alarms == nil {
		r.alarms = map[Key]alarm{}
	}
	if known, ok := r.alarms[key]; !ok || at.Before(known.at) {
		r.alarms[key] = alarm{at, what}
	}
}

// take returns the causes of a key and forgets them. An alarm that has come due is a root among them.
func (r *reasons) take(key Key, now time.Time) ([]trace.ID, []trace.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := r.causes[key]
	delete(r.causes, key)
	due, ok := r.alarms[key]
	if !ok || due.at.After(now) {
		return ids, nil
	}
	delete(r.alarms, key)
	return ids, []trace.Step{{
		Time: due.at, Verb: "wait", Root: trace.Clock, Detail: due.what,
		Object: trace.Ref{Resource: "timers", Namespace: key.Namespace, Name: key.Name},
	}}
}
