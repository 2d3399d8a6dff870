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
)

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
