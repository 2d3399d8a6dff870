package runtime

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
)

func TestAfterARestartTheRuntimeGoesOnWithWhatLivesAndNothingHalfMadeStays(t *testing.T) {
	for name, test := range map[string]struct {
		recorded, shimLives bool
		trouble             error
		want                Verb
	}{
		"a sandbox that lives is followed":                            {true, true, nil, Follow},
		"one whose shim is dead is taken down":                        {true, false, nil, TakeDown},
		"one that was being made goes, for nobody counts on it":       {false, true, nil, Discard},
		"one that was being removed goes, though its shim is no more": {false, false, nil, Discard},
		"one whose record is broken goes, for nobody can stop it":     {false, true, errors.New("broken"), Discard},
		"one whose shim says nothing waits until it can be stopped":   {true, true, errors.New("silent"), Quarantine},
	} {
		if got, why := PlanRecovery(test.recorded, test.shimLives, test.trouble); got != test.want || why == "" {
			t.Errorf("%s: %s, because %s", name, got, why)
		}
	}
}

func TestASandboxIsStoppedBeforeItIsRemovedAndNothingIsTakenFromUnderWhatRuns(t *testing.T) {
	for name, test := range map[string]struct{ got, want []Step }{
		"it is stopped": {PlanStop(true, false), []Step{StopShim, Unplug, Unmount, TellEnds}},
		"it is stopped, and its cgroup is nobody else's": {PlanStop(true, true), []Step{StopShim, Unplug, Unmount, RemoveCgroup, TellEnds}},
		"it has been stopped":                            {PlanStop(false, true), nil},
		"it runs and is removed":                         {PlanRemoval(true, false), []Step{StopShim, Unplug, Unmount, TellEnds, RemoveRecord, RemoveFiles, Forget}},
		"it has been stopped and is removed":             {PlanRemoval(false, true), []Step{RemoveRecord, RemoveFiles, Forget}},
		"nobody knows of it":                             {PlanDiscard(true), []Step{StopShim, Unplug, Unmount, RemoveCgroup, RemoveRecord, RemoveFiles}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestListenersHearOfTheStartBeforeTheExitEvenIfTheNewsComeTheOtherWayRound(t *testing.T) {
	started, stopped := cri.ContainerEventType_CONTAINER_STARTED_EVENT, cri.ContainerEventType_CONTAINER_STOPPED_EVENT
	exited := containers.Status{State: containers.Exited, StartedAt: time.Unix(1, 0)}
	for name, test := range map[string]struct {
		before containers.State
		now    containers.Status
		want   []cri.ContainerEventType
	}{
		"it starts":                       {containers.Created, containers.Status{State: containers.Running, StartedAt: time.Unix(1, 0)}, []cri.ContainerEventType{started}},
		"it exits":                        {containers.Running, exited, []cri.ContainerEventType{stopped}},
		"it exits before we saw it start": {containers.Created, exited, []cri.ContainerEventType{started, stopped}},
		"it is killed before it starts":   {containers.Created, containers.Status{State: containers.Exited}, []cri.ContainerEventType{stopped}},
		"its exit is told twice":          {containers.Exited, exited, nil},
	} {
		if diff := cmp.Diff(test.want, Transition(test.before, test.now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
