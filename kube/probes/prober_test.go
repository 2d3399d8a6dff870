package probes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/trace"
)

// A story is a container whose probes are asked in virtual time. Its runtime answers by a script: the command of a probe is its kind, and each letter
// says what comes of one try: s and f, h hangs until its time is over, e is a runtime that cannot. The last goes on for ever.
type story struct {
	t       *testing.T
	began   time.Time
	prober  *Prober
	target  Target
	stopped context.CancelFunc

	runtimeapi.RuntimeServiceClient
	mu     sync.Mutex
	script map[string]string
	told   []string // "3 s: …"
	events []string
	steps  []trace.Step
}

func (s *story) ExecSync(ctx context.Context, request *runtimeapi.ExecSyncRequest, _ ...grpc.CallOption) (*runtimeapi.ExecSyncResponse, error) {
	s.mu.Lock()
	kind := request.Cmd[0]
	s.tell("%s asked", kind)
	next := s.script[kind][:1]
	if len(s.script[kind]) > 1 {
		s.script[kind] = s.script[kind][1:]
	}
	s.mu.Unlock()
	switch next {
	case "s":
		return &runtimeapi.ExecSyncResponse{Stdout: []byte("fine")}, nil
	case "f":
		return &runtimeapi.ExecSyncResponse{Stdout: []byte("no"), Stderr: []byte("!"), ExitCode: 1}, nil
	case "h":
		select {
		case <-time.After(time.Duration(request.Timeout) * time.Second):
			return nil, status.Error(codes.DeadlineExceeded, "timeout")
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	return nil, status.Error(codes.Unavailable, "no runtime")
}

func (s *story) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf("%v: ", time.Since(s.began))+fmt.Sprintf(format, args...))
}

// inVirtualTime tells a story. A container runs from its beginning.
func inVirtualTime(t *testing.T, c *corev1.Container, script map[string]string, test func(*story)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		recorder, err := trace.NewRecorder("kubelet", "node-1", "")
		if err != nil {
			t.Fatal(err)
		}
		s := &story{t: t, began: time.Now(), stopped: stop, script: script}
		go recorder.Run(ctx, func(_ context.Context, steps []trace.Step) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.steps = append(s.steps, steps...)
			return nil
		})
		for kind, probe := range Of(c) {
			probe.Exec = &corev1.ExecAction{Command: []string{strings.ToLower(string(kind))}}
		}
		s.prober = New(ctx, s, recorder)
		s.target = Target{
			ID: "c1", Pod: trace.Ref{Resource: "pods", Namespace: "shop", Name: "web-1"}, Spec: c, Started: s.began, Causes: []trace.ID{"started"},
			Event: func(_ context.Context, kind, reason, message string) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.events = append(s.events, fmt.Sprintf("%v: %s %s %s", time.Since(s.began), kind, reason, message))
			},
			Changed: func(causes ...trace.ID) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.tell("changed by %d", len(causes))
			},
		}
		test(s)
		stop()
		s.prober.Wait()
	})
}

// keep has the container probed, and says what is decided of it.
func (s *story) keep(ending bool) Decision {
	state := s.prober.Keep("u1", ending, []Target{s.target}, []string{s.target.ID})[s.target.ID]
	return Plan(s.target.Spec, Observed{Started: s.target.Started, Ending: ending, Said: state.Said}, time.Now())
}

// wait lets time pass until everybody sleeps, a moment before the second.
func (s *story) wait(seconds int) {
	time.Sleep(time.Until(s.began.Add(time.Duration(seconds)*time.Second - time.Millisecond)))
	synctest.Wait()
}

func (s *story) want(lines ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(lines, s.told); diff != "" {
		s.t.Errorf("it went otherwise (-want +got):\n%s", diff)
	}
}

func TestReadinessIsAskedAtOnceEachPeriodAndOnlyAChangeIsTold(t *testing.T) {
	inVirtualTime(t, &corev1.Container{Name: "web", ReadinessProbe: probe()}, map[string]string{"readiness": "fsssffs"}, func(s *story) {
		if s.keep(false).Ready {
			t.Error("it is ready before it was asked")
		}
		s.wait(3)
		if !s.keep(false).Ready {
			t.Error("it is not ready after a success")
		}
		s.wait(15)
		s.want("0s: readiness asked", "2s: readiness asked", "2s: changed by 1", "4s: readiness asked", "6s: readiness asked",
			"8s: readiness asked", "10s: readiness asked", "12s: readiness asked", "14s: readiness asked")
		if !s.keep(false).Ready {
			t.Error("two failures made it unready, of three that it takes")
		}
		want := []string{"0s: Warning Unhealthy Readiness probe failed: no!", "8s: Warning Unhealthy Readiness probe failed: no!",
			"10s: Warning Unhealthy Readiness probe failed: no!"}
		if diff := cmp.Diff(want, s.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestStartupIsAskedFirstAndTheOthersAsSoonAsItHasSucceeded(t *testing.T) {
	c := container()
	inVirtualTime(t, c, map[string]string{"startup": "ffs", "liveness": "s", "readiness": "s"}, func(s *story) {
		s.keep(false)
		s.wait(7)
		s.want("0s: startup asked", "2s: startup asked", "4s: startup asked", "4s: changed by 1",
			"4s: readiness asked", "4s: changed by 1", "5s: liveness asked", "6s: readiness asked")
	})
}

func TestAfterALivenessFailureNobodyAsksForItAnyMoreUntilTheNextContainer(t *testing.T) {
	inVirtualTime(t, &corev1.Container{Name: "web", LivenessProbe: probe()}, map[string]string{"liveness": "sfffs"}, func(s *story) {
		if got := s.keep(false); !got.Ready || got.Unhealthy != "" {
			t.Errorf("at first it is %+v", got)
		}
		s.wait(20)
		s.want("0s: liveness asked", "2s: liveness asked", "4s: liveness asked", "6s: liveness asked", "6s: changed by 3")
		if got := s.keep(false); got.Unhealthy != Liveness || !got.Ready {
			t.Errorf("after three failures it is %+v", got)
		}
		old := s.target.ID
		s.target.ID, s.target.Started = "c2", time.Now()
		s.prober.Keep("u1", false, []Target{s.target}, []string{"c2", old})
		s.wait(21)
		s.want("0s: liveness asked", "2s: liveness asked", "4s: liveness asked", "6s: liveness asked", "6s: changed by 3", "19.999s: liveness asked")
		if states := s.prober.Keep("u1", false, []Target{s.target}, []string{"c2", old}); states[old].Said[Liveness].Known != Failure || states["c2"].Said[Liveness].Known == Failure {
			t.Errorf("of the two is known %+v", states)
		}
		if states := s.prober.Keep("u1", false, nil, nil); len(states) > 0 {
			t.Errorf("what is gone is still known: %+v", states)
		}
	})
}

func TestTheFailuresThatItTookAreRootsAndCauseWhatFollows(t *testing.T) {
	c := &corev1.Container{Name: "web", LivenessProbe: probe(), ReadinessProbe: probe()}
	inVirtualTime(t, c, map[string]string{"liveness": "sfffs", "readiness": "sssssfff" + "f"}, func(s *story) {
		s.keep(false)
		s.wait(7)
		state := s.prober.Keep("u1", false, []Target{s.target}, []string{"c1"})["c1"]
		s.wait(600)
		byID := map[trace.ID]trace.Step{}
		for _, step := range s.steps {
			byID[step.ID] = step
		}
		if len(state.Causes[Liveness]) != 3 || len(state.Causes[Readiness]) != 1 {
			t.Fatalf("causes: %+v", state.Causes)
		}
		for i, id := range state.Causes[Liveness] {
			step := byID[id]
			if step.Root != trace.Event || step.Verb != "probe" || step.Object != s.target.Pod ||
				step.Detail != "liveness probe of container web failed: no!" || step.Time.Sub(s.began).Round(time.Second) != time.Duration(2+2*i)*time.Second {
				t.Errorf("step %d: %+v", i, step)
			}
		}
		if first := byID[state.Causes[Readiness][0]]; first.Root != "" || !slices.Equal(first.Causes, []trace.ID{"started"}) {
			t.Errorf("the first success comes of the start: %+v", first)
		}
		if len(s.steps) != 1+3+3 {
			t.Errorf("%d steps: quiet probes, or failures that change nothing, fill the record: %+v", len(s.steps), s.steps)
		}
	})
}

func TestOfManyFailuresSomeBecomeStepsAndThatWhichCountsDoes(t *testing.T) {
	c := &corev1.Container{Name: "web", StartupProbe: probe(func(p *corev1.Probe) { p.FailureThreshold = 30 })}
	inVirtualTime(t, c, map[string]string{"startup": "f"}, func(s *story) {
		s.keep(false)
		s.wait(90)
		state := s.prober.Keep("u1", false, []Target{s.target}, []string{"c1"})["c1"]
		if n := len(state.Causes[Startup]); n != maxSteps+1 || len(s.steps) != n {
			t.Errorf("%d causes, %d steps", n, len(s.steps))
		}
	})
}

func TestACommandThatHangsIsAFailureAndARuntimeThatCannotIsNone(t *testing.T) {
	c := &corev1.Container{Name: "web", LivenessProbe: probe(func(p *corev1.Probe) { p.FailureThreshold = 1 })}
	inVirtualTime(t, c, map[string]string{"liveness": "eeeh"}, func(s *story) {
		s.keep(false)
		s.wait(9)
		s.want("0s: liveness asked", "0s: liveness asked", "0s: liveness asked", "2s: liveness asked", "3s: changed by 1")
		want := []string{
			"0s: Warning Unhealthy Liveness probe errored and resulted in unknown state: rpc error: code = Unavailable desc = no runtime",
			`3s: Warning Unhealthy Liveness probe failed: command timed out: "liveness" timed out after 1s`,
		}
		if diff := cmp.Diff(want, s.events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestAPodThatIsEndingIsStillAskedWhetherItIsReadyAndNotWhetherItLives(t *testing.T) {
	c := container()
	inVirtualTime(t, c, map[string]string{"startup": "s", "liveness": "s", "readiness": "sf"}, func(s *story) {
		s.keep(false)
		s.wait(1)
		s.keep(true)
		s.wait(8)
		s.want("0s: startup asked", "0s: changed by 1", "0s: readiness asked", "0s: changed by 1",
			"2s: readiness asked", "4s: readiness asked", "6s: readiness asked", "6s: changed by 3")
	})
}

func TestAKubeletThatStartsAsksNotAllAtOnceAndUntilThenNothingChanges(t *testing.T) {
	inVirtualTime(t, container(), map[string]string{"startup": "s", "liveness": "s", "readiness": "s"}, func(s *story) {
		s.target.Started, s.target.Said = s.began.Add(-time.Hour), Inherited(true, true)
		if got := s.keep(false); !got.Started || !got.Ready {
			t.Errorf("it was ready, and is %+v", got)
		}
		s.wait(2)
		for _, line := range s.told {
			if strings.Contains(line, "changed") || strings.Contains(line, "startup") || strings.HasPrefix(line, "0s") {
				t.Errorf("told: %s", line)
			}
		}
		if len(s.told) != 2 {
			t.Errorf("within a period it was asked %q", s.told)
		}
	})
}

func TestAProbeThatIsBeingAskedIsBrokenOffWhenItsContainerIsGone(t *testing.T) {
	c := &corev1.Container{Name: "web", LivenessProbe: probe(func(p *corev1.Probe) { p.TimeoutSeconds, p.FailureThreshold = 100, 1 })}
	inVirtualTime(t, c, map[string]string{"liveness": "h"}, func(s *story) {
		s.keep(false)
		s.wait(1)
		s.prober.Keep("u1", false, nil, nil)
		s.prober.Wait()
		if passed := time.Since(s.began); passed >= time.Second || len(s.events) > 0 {
			t.Errorf("it ended after %v, and told %q", passed, s.events)
		}
	})
}
