package probes

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

var start = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func after(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }

// probe is one with upstream's defaults, but for a period of 2 s.
func probe(edit ...func(*corev1.Probe)) *corev1.Probe {
	p := &corev1.Probe{PeriodSeconds: 2, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3}
	p.Exec = &corev1.ExecAction{Command: []string{"ask"}}
	for _, e := range edit {
		e(p)
	}
	return p
}

func delayed(seconds int32) func(*corev1.Probe) {
	return func(p *corev1.Probe) { p.InitialDelaySeconds = seconds }
}

// container has all three probes.
func container() *corev1.Container {
	return &corev1.Container{Name: "web", StartupProbe: probe(), LivenessProbe: probe(delayed(5)), ReadinessProbe: probe()}
}

func known(startup, liveness, readiness Verdict) map[Kind]Record {
	return map[Kind]Record{Startup: {Known: startup}, Liveness: {Known: liveness}, Readiness: {Known: readiness}}
}

// The table of the three probes: what each outcome leads to, and nothing else.
func TestStartupGatesTheOthersReadinessMovesRequestsAndLivenessRestarts(t *testing.T) {
	for name, test := range map[string]struct {
		said   map[Kind]Record
		ending bool
		want   Decision
		asked  []Kind
	}{
		"nothing is known: not started, not ready, not to be restarted": {known("", "", ""), false, Decision{}, []Kind{Startup}},
		"startup has failed: restarted":                                 {known(Failure, "", ""), false, Decision{Unhealthy: Startup}, nil},
		"startup has succeeded: the others are asked":                   {known(Success, "", ""), false, Decision{Started: true}, []Kind{Liveness, Readiness}},
		"readiness has succeeded: ready":                                {known(Success, "", Success), false, Decision{Started: true, Ready: true}, []Kind{Liveness, Readiness}},
		"readiness has failed: not ready, and nothing else":             {known(Success, Success, Failure), false, Decision{Started: true}, []Kind{Liveness, Readiness}},
		"liveness has failed: restarted, and ready as before": {known(Success, Failure, Success), false,
			Decision{Started: true, Ready: true, Unhealthy: Liveness}, []Kind{Readiness}},
		"a success of readiness before startup counts for nothing": {known("", "", Success), false, Decision{}, []Kind{Startup}},
		"a pod that is ending is asked only for its readiness":     {known(Success, "", Success), true, Decision{Started: true, Ready: true}, []Kind{Readiness}},
		"one that is ending before it has started is not asked":    {known("", "", ""), true, Decision{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Plan(container(), Observed{Started: start, Ending: test.ending, Said: test.said}, after(10))
			asked := map[Kind]bool{}
			for kind := range got.Next {
				asked[kind] = true
			}
			want := map[Kind]bool{}
			for _, kind := range test.asked {
				want[kind] = true
			}
			got.Next = nil
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("decided otherwise (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Errorf("asked otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAContainerWithoutProbesHasStartedAndIsReadyAsSoonAsItRuns(t *testing.T) {
	got := Plan(&corev1.Container{}, Observed{Started: start}, start)
	if diff := cmp.Diff(Decision{Started: true, Ready: true, Next: map[Kind]time.Time{}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAProbeThatAContainerDoesNotHaveFailsForNobody(t *testing.T) {
	got := Plan(&corev1.Container{ReadinessProbe: probe()}, Observed{Started: start, Said: known(Failure, Failure, Success)}, start)
	if !got.Started || !got.Ready || got.Unhealthy != "" {
		t.Errorf("decided %+v", got)
	}
}

func TestAProbeIsAskedWhenItsDelayIsOverAndThenEachPeriod(t *testing.T) {
	for name, test := range map[string]struct {
		delay     int32
		asked     time.Time
		now, want time.Time
	}{
		"without a delay at once":             {0, time.Time{}, start, start},
		"with a delay after it":               {7, time.Time{}, start, after(7)},
		"the delay counts from the start":     {7, time.Time{}, after(5), after(7)},
		"what is overdue is due now":          {7, time.Time{}, after(9), after(9)},
		"a period after it was asked":         {7, after(20), after(21), after(22)},
		"a clock that went back is no excuse": {7, after(3600), after(21), after(23)},
		"nor at the start":                    {7, time.Time{}, after(-3600), after(-3593)},
	} {
		t.Run(name, func(t *testing.T) {
			c := &corev1.Container{ReadinessProbe: probe(delayed(test.delay))}
			got := Plan(c, Observed{Started: start, Said: map[Kind]Record{Readiness: {Asked: test.asked}}}, test.now)
			if !got.Next[Readiness].Equal(test.want) {
				t.Errorf("asked at %v, want %v", got.Next[Readiness], test.want)
			}
		})
	}
}

func TestWhatIsKnownChangesWhenTheSameWasSaidAsOftenInARowAsTheThresholdAsks(t *testing.T) {
	for _, test := range []struct {
		said, want string // s: success, f: failure, e: it could not be asked, -: nothing is known
	}{
		{"fff", "--f"}, {"ffsff", "-----"}, {"ss", "-s"}, {"sfs", "---"}, {"ssffsff", "-ssssss"}, {"ssfff", "-sssf"},
		{"fffss", "--ffs"}, {"ffef", "---f"}, {"see", "---"}, {"ses", "--s"},
	} {
		p := probe(func(p *corev1.Probe) { p.SuccessThreshold = 2 })
		var r Record
		got := ""
		for i, said := range test.said {
			r = r.After(p, map[rune]Verdict{'s': Success, 'f': Failure, 'e': ""}[said], after(i))
			got += map[Verdict]string{"": "-", Success: "s", Failure: "f"}[r.Known]
			if !r.Asked.Equal(after(i)) {
				t.Errorf("%s: asked at %v", test.said, r.Asked)
			}
		}
		if got != test.want {
			t.Errorf("%s: known %s, want %s", test.said, got, test.want)
		}
	}
}

func TestAKubeletThatStartsBelievesWhatTheStatusSays(t *testing.T) {
	for _, is := range []struct{ started, ready bool }{{false, false}, {true, false}, {true, true}} {
		got := Plan(container(), Observed{Started: start, Said: Inherited(is.started, is.ready)}, start)
		if got.Started != is.started || got.Ready != is.ready || got.Unhealthy != "" {
			t.Errorf("of %+v became %+v", is, got)
		}
	}
}
