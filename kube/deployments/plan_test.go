package deployments

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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

func TestANewDeploymentGetsAReplicaSetOfItsFullSize(t *testing.T) {
	plan := Decide(deploy(3), nil, start)
	name := plan.Current
	want := Plan{
		Current: name, Create: true, Revision: 1,
		Changes: []Change{{Set: name, From: 0, To: 3, Annotations: map[string]string{
			revisionAnnotation: "1", desiredAnnotation: "3", maxAnnotation: "4",
		}}},
		Again: 601 * time.Second,
	}
	if diff := cmp.Diff(want, plan, cmpopts.IgnoreFields(Plan{}, "Status")); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(name, "web-") || strings.TrimPrefix(name, "web-") != newSet(deploy(3)).Labels[hashLabel] {
		t.Errorf("the name %s does not end in the hash that the pods carry", name)
	}
}

func TestARollingUpdateMovesInStepsThatAreAlwaysSafe(t *testing.T) {
	w := newWorld(t, deploy(4)) // 25 % of 4: one more, one less
	w.settle()
	w.is("web:1 4")
	w.change(version(2))
	var transcript []string
	for w.String() != "web:2 4" && len(transcript) < 20 {
		for len(w.turn().Changes) > 0 { // until there is nothing to do but wait for pods
			transcript = append(transcript, w.String())
			w.followAll()
		}
		w.allReady()
	}
	want := []string{
		"web:1 3, web:2 1",
		"web:1 3, web:2 2",
		"web:1 1, web:2 2",
		"web:1 1, web:2 4",
		"web:2 4",
	}
	if diff := cmp.Diff(want, transcript); diff != "" {
		t.Errorf("sizes, turn by turn (-want +got):\n%s", diff)
	}
}

// TestNoRolloutEverLeavesItsBounds rolls many Deployments, with ReplicaSets that are late and report late, and pods that come up one
// by one in any order.
func TestNoRolloutEverLeavesItsBounds(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		n := int32(1 + random.IntN(12))
		surge, unavailable := random.IntN(5), random.IntN(5)
		if surge+unavailable == 0 {
			surge = 1
		}
		w := newWorld(t, deploy(n, bounded(fmt.Sprint(surge), fmt.Sprint(unavailable))))
		w.settle()
		w.change(version(2))
		for range 600 {
			if random.IntN(100) == 0 && w.d.Generation < 5 {
				w.change(version(2 + random.IntN(3))) // somebody changes their mind
			}
			w.turn()
			for _, rs := range w.sets {
				if p := w.pods[rs.UID]; p.ready < p.running && random.IntN(4) == 0 {
					p.ready++
				}
				if random.IntN(3) == 0 {
					w.follow(rs)
				}
			}
			var ready int32
			for _, p := range w.pods {
				ready += p.ready
			}
			if least := n - int32(unavailable); ready < least {
				t.Fatalf("seed %d: %d of %d pods ready, want at least %d: %s", seed, ready, n, least, w)
			}
			if most := n + int32(surge); w.total() > most {
				t.Fatalf("seed %d: %d pods, want at most %d: %s", seed, w.total(), most, w)
			}
			if c := condition(w.d.Status, appsv1.DeploymentProgressing); c.Reason == reasonDone && w.d.Generation >= 5 {
				break
			}
		}
		w.settle()
		w.progress(reasonDone)
		if versions := len(strings.Split(w.String(), ",")); versions != 1 {
			t.Fatalf("seed %d: the rollout does not end: %s", seed, w)
		}
	}
}

func (w *world) total() (n int32) {
	for _, rs := range w.sets {
		n += *rs.Spec.Replicas
	}
	return n
}

func TestAVersionThatNeverBecomesReadyStopsTheRolloutByItself(t *testing.T) {
	w := newWorld(t, deploy(4))
	w.settle()
	w.change(version(2))
	for range 10 {
		w.turn()
		w.followAll()
	}
	w.is("web:1 3, web:2 2")
	w.progress(reasonUpdated)
	w.now = w.now.Add(601 * time.Second)
	w.turn()
	w.progress(reasonTimedOut)
	w.change(version(1)) // back to what worked
	w.settle()
	w.is("web:1 4")
	w.progress(reasonDone)
}

func TestBrokenPodsOfOldVersionsGoFirst(t *testing.T) {
	w := newWorld(t, deploy(4, bounded("0", "2")))
	w.settle()
	w.change(version(2))
	w.pods[w.sets[0].UID].ready = 2
	w.followAll()
	w.turn()
	w.is("web:1 2") // two are not available as it is: none of the others may go
}

func TestEvenBrokenPodsStayUntilOthersReplaceThem(t *testing.T) {
	w := newWorld(t, deploy(4))
	w.settle()
	w.pods[w.sets[0].UID].ready = 0 // what they depend on is down: that may pass
	w.followAll()
	w.change(version(2))
	w.turn()
	w.is("web:1 3, web:2 1")
	w.followAll()
	w.turn()
	w.is("web:1 3, web:2 2")
}

func TestPercentagesThatComeToNothingStillMove(t *testing.T) {
	w := newWorld(t, deploy(2, bounded("0%", "1%")))
	w.settle()
	w.change(version(2))
	w.turn()
	w.is("web:1 1")
}

func TestRecreateStartsTheNewVersionWhenTheLastOldPodIsGone(t *testing.T) {
	w := newWorld(t, deploy(3, recreating))
	w.settle()
	w.is("web:1 3")
	w.change(version(2))
	w.turn()
	w.is("")
	old := w.sets[0]
	w.turn()
	w.is("") // the ReplicaSet has not even noticed
	w.pods[old.UID].ending = 1
	w.followAll()
	w.turn()
	w.is("") // one pod takes its time to end
	w.pods[old.UID].ending = 0
	w.followAll()
	w.turn()
	w.is("web:2 3")
}

func TestRecreateDoesNotTrustAReplicaSetThatHasNotReportedYet(t *testing.T) {
	w := newWorld(t, deploy(3, recreating))
	w.turn() // version 1 may be creating pods at this moment
	w.change(version(2))
	w.turn()
	w.turn()
	w.is("")
	w.followAll()
	w.turn()
	w.is("web:2 3")
}

func TestPodsThatAreAboutToGoDoNotCountAsAvailable(t *testing.T) {
	w := newWorld(t, deploy(7, bounded("0", "2")))
	w.settle()
	w.change(version(2))
	w.settle()
	w.change(version(1))
	old, current := w.sets[1], w.sets[0]
	old.Spec.Replicas, current.Spec.Replicas = new(int32(2)), new(int32(3))
	old.Status.AvailableReplicas, current.Status.AvailableReplicas = 2, 5 // it was told to be smaller, and still deletes
	w.turn()
	w.is("web:1 5, web:2 2")
}

func TestScalingInTheMiddleOfARolloutIsSharedInProportion(t *testing.T) {
	w := newWorld(t, deploy(10, bounded("3", "2")))
	w.settle()
	w.change(version(2))
	for range 4 {
		w.turn()
		w.followAll()
	}
	w.is("web:1 8, web:2 5") // the new version does not start
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(15)) })
	w.turn()
	w.is("web:1 11, web:2 7")
	w.turn()
	w.is("web:1 11, web:2 7")
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(5)) })
	w.turn()
	w.is("web:1 5, web:2 3")
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(0)) })
	w.turn()
	w.is("")
}

func TestOfTwoVersionsOfTheSameSizeTheNewerGrowsFirst(t *testing.T) {
	w := newWorld(t, deploy(4, bounded("0", "2")))
	w.settle()
	w.change(version(2))
	for range 2 {
		w.turn()
		w.followAll()
	}
	w.is("web:1 2, web:2 2")
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(5)) })
	w.turn()
	w.is("web:1 2, web:2 3")
}

func TestARolloutThatWasDoneDoesNotTimeOutLater(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.settle()
	w.change(version(2))
	w.settle()
	w.now = w.now.Add(time.Hour)
	w.sets[0].Spec.Replicas = new(int32(1)) // somebody scales an old version by hand
	w.followAll()
	w.turn()
	w.progress(reasonDone)
	w.settle()
	w.is("web:2 2")
}

func TestWhatIsNotRollingIsSimplyScaled(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	for _, n := range []int32{5, 2, 0, 1} {
		w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(n) })
		w.settle()
		if w.total() != n || len(w.sets) != 1 {
			t.Errorf("scaled to %d: %s", n, w)
		}
		w.progress(reasonDone)
	}
}

func TestAPausedDeploymentScalesAndDoesNotRoll(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.change(version(2), func(d *appsv1.Deployment) { d.Spec.Paused = true })
	if plan := w.turn(); plan.Create {
		t.Error("it rolls")
	}
	w.progress(reasonPaused)
	w.change(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(5)) })
	w.settle()
	w.is("web:1 5")
	w.change(func(d *appsv1.Deployment) { d.Spec.Paused = false })
	w.turn()
	w.progress(reasonResumed)
	w.settle()
	w.is("web:2 5")
	w.progress(reasonDone)
}

func TestAnUndoIsARolloutToAReplicaSetThatIsThereAlready(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.change(version(2))
	w.settle()
	w.change(version(1))
	w.settle()
	w.is("web:1 3")
	if len(w.sets) != 2 {
		t.Errorf("%d ReplicaSets, want the two from before", len(w.sets))
	}
	first := w.sets[0].Annotations
	if got := first[revisionAnnotation] + " was " + first[historyAnnotation]; got != "3 was 1" {
		t.Errorf("the revision of the first version is %s, want 3 was 1", got)
	}
	if got := w.d.Annotations[revisionAnnotation]; got != "3" {
		t.Errorf("the Deployment is at revision %s", got)
	}
}

func TestOldVersionsBeyondTheHistoryLimitGo(t *testing.T) {
	w := newWorld(t, deploy(1, func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = new(int32(2)) }))
	for n := range 6 {
		w.change(version(n))
		w.settle()
	}
	var images []string
	for _, rs := range w.sets {
		images = append(images, rs.Spec.Template.Spec.Containers[0].Image)
	}
	if diff := cmp.Diff([]string{"web:3", "web:4", "web:5"}, images); diff != "" {
		t.Errorf("versions left (-want +got):\n%s", diff)
	}
}

func TestAVersionInheritsTheReasonOfItsChange(t *testing.T) {
	cause, applied := "kubernetes.io/change-cause", corev1.LastAppliedConfigAnnotation
	w := newWorld(t, deploy(1))
	w.d.Annotations = map[string]string{cause: "image updated to web:1", applied: "{}"}
	w.settle()
	if got := w.sets[0].Annotations; got[cause] != "image updated to web:1" || got[applied] != "" {
		t.Errorf("annotations %v", got)
	}
}

func TestAnOrphanWithTheSameTemplateIsAdoptedAndUsed(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.sets[0].OwnerReferences = nil
	plan := Decide(w.d, w.sets, w.now)
	if diff := cmp.Diff([]string{w.sets[0].Name}, plan.Adopt); diff != "" || plan.Create {
		t.Errorf("plan %+v", plan)
	}
}

func TestAReplicaSetOfAnotherDeploymentIsLeftAlone(t *testing.T) {
	w := newWorld(t, deploy(3))
	w.settle()
	w.sets[0].OwnerReferences[0].UID = "another"
	if plan := Decide(w.d, w.sets, w.now); !plan.Create || len(plan.Adopt) > 0 || len(plan.Changes) != 1 {
		t.Errorf("plan %+v", plan)
	}
}

func TestTwoTemplatesWithTheSameHashAreToldApartByACount(t *testing.T) {
	d := deploy(1)
	before := newSet(d).Name
	d.Status.CollisionCount = new(int32(1))
	if after := newSet(d).Name; after == before {
		t.Errorf("both are called %s", after)
	}
}

func TestTheHashOfATemplateIsTheSameInEveryRelease(t *testing.T) {
	// This name is in people's clusters: if it changes, every Deployment there makes a new ReplicaSet.
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "web:1"}}}}
	if hash := templateHash(&template, nil); hash != "69fcbb9df6" {
		t.Errorf("the hash is %s", hash)
	}
}

func TestStatusSaysWhatRolloutStatusWaitsFor(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.turn()
	w.followAll()
	w.pods[w.sets[0].UID].ready = 1
	w.followAll()
	w.turn()
	got := w.d.Status
	got.Conditions = nil
	want := appsv1.DeploymentStatus{
		ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 1, AvailableReplicas: 1,
		UnavailableReplicas: 1, TerminatingReplicas: new(int32(0)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if c := condition(w.d.Status, appsv1.DeploymentAvailable); c.Reason != reasonUnavailable {
		t.Errorf("available: %+v", c)
	}
	w.settle()
	if c := condition(w.d.Status, appsv1.DeploymentAvailable); c.Reason != reasonAvailable {
		t.Errorf("available: %+v", c)
	}
}

func TestAQuotaThatAReplicaSetMeetsShowsInTheDeployment(t *testing.T) {
	w := newWorld(t, deploy(2))
	w.settle()
	w.sets[0].Status.Conditions = []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: "exceeded quota",
	}}
	w.turn()
	if c := condition(w.d.Status, appsv1.DeploymentReplicaFailure); c == nil || c.Message != "exceeded quota" {
		t.Errorf("failure: %+v", c)
	}
	w.settle()
	if c := condition(w.d.Status, appsv1.DeploymentReplicaFailure); c != nil {
		t.Errorf("it is over, and still there is %+v", c)
	}
}
