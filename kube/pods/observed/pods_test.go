package observed

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kubelab/kube/operator"
)

var web = Pod{operator.Key{Namespace: "shop", Name: "web-1"}, "u1"}

func container(name string, state State) Container {
	return Container{ID: name, Name: name, Sandbox: "s0", State: state}
}

// observedWith is what is known after a list.
func observedWith(has Records) *Pods {
	o := New(nil, nil)
	list(o, has)
	return o
}

// list is answered at once.
func list(o *Pods, has Records) { o.Answered(o.Ask(), map[Pod]Records{web: has}, nil, nil) }

func seen(o *Pods) Records {
	records, _ := o.Of(web.Key)
	return records[web.UID]
}

func TestWhatIsToldLateOrTwiceIsNoNews(t *testing.T) {
	o := observedWith(Records{[]Sandbox{{ID: "s0"}}, []Container{container("web", Exited)}})
	if o.Event(web, Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{container("web", Running)}}) != Nothing {
		t.Error("that a container ran which has ended is news")
	}
	if state := seen(o).Containers[0].State; state != Exited {
		t.Errorf("the container is %s", state)
	}
	if seen(o).Sandboxes[0].Ready {
		t.Error("a late event has made a lost sandbox ready")
	}
}

func TestWhatHasGoneNeverComesBack(t *testing.T) {
	has := Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{container("web", Running)}}
	o := observedWith(has)
	asked := o.Ask()
	o.Gone("s0")
	o.Event(web, has)
	o.Answered(asked, map[Pod]Records{web: has}, nil, nil)
	if left := slices.Collect(seen(o).IDs()); len(left) > 0 {
		t.Errorf("it has removed itself, and there is %v", left)
	}
}

func TestAListRemovesOnlyWhatWasNotToldOfSinceItWasAskedFor(t *testing.T) {
	o := observedWith(Records{Containers: []Container{container("old", Running)}})
	asked := o.Ask()
	o.Event(web, Records{Containers: []Container{container("new", Running)}})
	o.Answered(asked, nil, nil, nil)
	if diff := cmp.Diff([]string{"new"}, slices.Collect(seen(o).IDs())); diff != "" {
		t.Errorf("there is (-want +got):\n%s", diff)
	}
}

func TestASandboxThatARuntimeReachesAgainIsReadyWhenAListSaysSo(t *testing.T) {
	up, down := Records{Sandboxes: []Sandbox{{ID: "s0", Ready: true}}}, Records{Sandboxes: []Sandbox{{ID: "s0"}}}
	o := observedWith(down)
	asked := o.Ask()
	o.Event(web, down)
	o.Answered(asked, map[Pod]Records{web: up}, nil, nil)
	if seen(o).Sandboxes[0].Ready {
		t.Error("a list that was asked for before it was lost has made it ready")
	}
	list(o, up)
	if !seen(o).Sandboxes[0].Ready {
		t.Error("it is not ready, and the newest list says it is")
	}
}

func TestOfWhatIsGoneNothingIsKept(t *testing.T) {
	o := observedWith(Records{[]Sandbox{{ID: "s0", Ready: true}}, []Container{container("web", Running)}})
	o.Gone("s0")
	o.Gone("somebody else's")
	list(o, Records{})
	list(o, Records{})
	if len(o.pods)+len(o.told)+len(o.removed) > 0 {
		t.Errorf("kept: %v, %v, %v", o.pods, o.told, o.removed)
	}
}

func TestWhatWentWithoutAnEndIsNewsOfAnEnd(t *testing.T) {
	for _, test := range []struct {
		has  Records
		want News
	}{
		{Records{[]Sandbox{{ID: "s0"}}, []Container{container("web", Exited)}}, Work},
		{Records{[]Sandbox{{ID: "s0", Ready: true}}, nil}, End},
		{Records{[]Sandbox{{ID: "s0"}}, []Container{container("web", Running)}}, End},
	} {
		if _, got := observedWith(test.has).Gone("s0"); got != test.want {
			t.Errorf("that a sandbox goes of %v is news %d, want %d", test.has, got, test.want)
		}
		o := observedWith(test.has)
		if got := o.Answered(o.Ask(), nil, nil, nil)[web.Key]; got != test.want {
			t.Errorf("that a list lacks %v is news %d, want %d", test.has, got, test.want)
		}
	}
}

func TestAnEndIsToldInTheRuntimesWordsAndThenInTheProgramsOwn(t *testing.T) {
	for _, c := range []struct{ what, got, want string }{
		{"both", said("cannot start", "no disk"), "cannot start: no disk"},
		{"one", said("", "no disk") + said("cannot start", ""), "no diskcannot start"},
		{"no text", said("", "\xff\xfedisk"), "\uFFFDdisk"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
}
