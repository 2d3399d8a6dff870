package deployments

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// deploy makes a Deployment of version 1.
func deploy(replicas int32, changes ...func(*appsv1.Deployment)) *appsv1.Deployment {
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid", Generation: 1},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
		},
	}
	version(1)(d)
	for _, change := range changes {
		change(d)
	}
	setDefaults(d)
	return d
}

func version(n int) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "server", Image: fmt.Sprintf("web:%d", n)}}
	}
}

func bounded(surge, unavailable string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		up, down := intstr.Parse(surge), intstr.Parse(unavailable)
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &up, MaxUnavailable: &down}
	}
}

func recreating(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }

// world is a Deployment with its ReplicaSets, and what of their pods is really there. The ReplicaSets' status may
// lag behind that.
type world struct {
	*testing.T
	d    *appsv1.Deployment
	sets []*appsv1.ReplicaSet
	pods map[types.UID]*replicas
	now  time.Time
}

type replicas struct{ running, ready, ending int32 }

func newWorld(t *testing.T, d *appsv1.Deployment) *world {
	return &world{t, d, nil, map[types.UID]*replicas{}, start}
}

// change edits the Deployment as a person does.
func (w *world) change(changes ...func(*appsv1.Deployment)) {
	for _, change := range changes {
		change(w.d)
	}
	w.d.Generation++
	setDefaults(w.d)
}

// turn is one turn of the loop, carried out.
func (w *world) turn() Plan {
	w.Helper()
	plan := Decide(w.d, w.sets, w.now)
	for _, change := range plan.Changes {
		rs := w.set(change.Set)
		if rs == nil {
			if !plan.Create || change.Set != plan.Current {
				w.Fatalf("plan changes %s, which is not there: %+v", change.Set, plan)
			}
			rs = newSet(w.d)
			rs.UID, rs.CreationTimestamp = types.UID(rs.Name), metav1.NewTime(w.now)
			rs.Annotations = map[string]string{}
			w.sets = append(w.sets, rs)
			w.pods[rs.UID] = &replicas{}
		}
		if *rs.Spec.Replicas != change.From {
			w.Fatalf("%s has size %d, and the plan says %d", rs.Name, *rs.Spec.Replicas, change.From)
		}
		rs.Spec.Replicas = new(change.To)
		rs.Generation++
		for key, value := range change.Annotations {
			rs.Annotations[key] = value
		}
	}
	for _, name := range plan.Delete {
		for i, rs := range w.sets {
			if rs.Name == name {
				w.sets = append(w.sets[:i:i], w.sets[i+1:]...)
				break
			}
		}
	}
	w.d.Status = plan.Status
	if plan.Revision > 0 {
		metav1.SetMetaDataAnnotation(&w.d.ObjectMeta, revisionAnnotation, fmt.Sprint(plan.Revision))
	}
	w.now = w.now.Add(time.Second)
	return plan
}

func (w *world) set(name string) *appsv1.ReplicaSet {
	for _, rs := range w.sets {
		if rs.Name == name {
			return rs
		}
	}
	return nil
}

// follow is one turn of a ReplicaSet's loop: it reports what it sees, then creates what is missing and deletes what is too
// much, the unready first.
func (w *world) follow(rs *appsv1.ReplicaSet) {
	p := w.pods[rs.UID]
	rs.Status = appsv1.ReplicaSetStatus{
		Replicas: p.running, ReadyReplicas: p.ready, AvailableReplicas: p.ready,
		TerminatingReplicas: new(p.ending), ObservedGeneration: rs.Generation,
	}
	p.running = *rs.Spec.Replicas
	p.ready = min(p.ready, p.running)
}

// followAll lets all ReplicaSets come to rest.
func (w *world) followAll() {
	for _, rs := range w.sets {
		w.follow(rs)
		w.follow(rs)
	}
}

// allReady lets all pods become ready.
func (w *world) allReady() {
	for _, p := range w.pods {
		p.ready = p.running
	}
	w.followAll()
}

// settle lets everything happen until nothing changes any more.
func (w *world) settle() {
	w.Helper()
	for range 100 {
		plan := w.turn()
		w.followAll()
		w.allReady()
		if len(plan.Changes) == 0 && cmp.Equal(w.d.Status, Decide(w.d, w.sets, w.now).Status) {
			return
		}
	}
	w.Fatalf("it does not settle: %s", w)
}

// String shows the sizes of the versions, oldest first: "web:1 3, web:2 1".
func (w *world) String() string {
	var texts []string
	for _, rs := range w.sets {
		if *rs.Spec.Replicas > 0 {
			texts = append(texts, fmt.Sprintf("%s %d", rs.Spec.Template.Spec.Containers[0].Image, *rs.Spec.Replicas))
		}
	}
	return strings.Join(texts, ", ")
}

func (w *world) is(want string) {
	w.Helper()
	if diff := cmp.Diff(want, w.String()); diff != "" {
		w.Errorf("sizes (-want +got):\n%s", diff)
	}
}

// progress is the reason of the condition Progressing.
func (w *world) progress(want string) {
	w.Helper()
	got := ""
	if c := condition(w.d.Status, appsv1.DeploymentProgressing); c != nil {
		got = c.Reason
	}
	if got != want {
		w.Errorf("the condition Progressing says %q, want %q", got, want)
	}
}
