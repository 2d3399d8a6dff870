package labs

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shelf is a cluster for tests: a folder whose files are its objects.
type shelf string

func (s shelf) Objects(context.Context) (names []string, err error) {
	entries, err := os.ReadDir(string(s))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

func (s shelf) Ailing(context.Context) ([]string, error) {
	if _, err := os.Stat(filepath.Join(string(s), "smoke")); err == nil {
		return []string{"it smokes"}, nil
	}
	return nil, nil
}

// good is a lab that works. W is the shelf.
const good = `title: Good
minutes: 1
reset: [rm -f $W/pod $W/pod-2]
steps:
  - id: make
    title: Make
    text: Make a pod.
    run:
      - cp web.yaml $W/pod
      - {do: cat $W/no-such-thing, fails: true}
    check:
      - run: cat $W/pod
        expect: "kind: Pod"
    holds:
      - run: ls $W | grep -c node
        expect: 1
        worse: [mv $W/node $W/../node]
        mend: [mv $W/../node $W/node]
  - id: look
    title: Look
    text: There it is.
    observe: true
    check: [test -e $W/pod]
`

// try does a lab of this text.
func try(t *testing.T, text string) Result {
	t.Helper()
	all, err := Library{folder(text)}.All()
	if err != nil {
		t.Fatal(err)
	}
	world := filepath.Join(t.TempDir(), "shelf")
	if err := os.Mkdir(world, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(world, "node"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	trial := Trial{Env: append(os.Environ(), "W="+world), Cluster: shelf(world), Say: io.Discard, terms: terms{settle: time.Second, worse: time.Second, wrong: 500 * time.Millisecond}}
	result, err := trial.Do(t.Context(), all[0])
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestALabThatWorksPassesItsTrial(t *testing.T) {
	result := try(t, good)
	if result.Failure != "" || len(result.Steps) != 2 || result.Steps[0].Seconds <= 0 {
		t.Errorf("%+v", result)
	}
}

func TestALabThatDoesNotWorkOrCannotFailIsFound(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"a check that passes before":      {`cat $W/pod`, `"echo 'kind: Pod'"`, "pass before its commands have run, so they prove nothing"},
		"a command that fails":            {`cp web.yaml $W/pod`, `cp wep.yaml $W/pod`, "cannot stat 'wep.yaml'"},
		"a command that should fail":      {`cat $W/no-such-thing`, `true`, "expected: that it fails"},
		"a command that hangs":            {`{do: cat $W/no-such-thing, fails: true}`, `{do: sleep 1000, fails: true, within: 300ms}`, "did not end within 0.3 s"},
		"a check that never passes":       {`expect: "kind: Pod"`, `expect: "kind: Deployment"`, "after 1 s still:"},
		"what does not hold before":       {`expect: 1`, `expect: 2`, "not true before the step"},
		"what does not hold meanwhile":    {`cp web.yaml $W/pod`, `mv $W/node $W/n; sleep 1; mv $W/n $W/node; cp web.yaml $W/pod`, "not true during the step"},
		"a worse fault that does no harm": {`worse: [mv $W/node $W/../node]`, `worse: [cp $W/node $W/../node]`, "so what holds proves nothing"},
		"a worse fault that stays":        {`mend: [mv $W/../node $W/node]`, `mend: [rm $W/../node]`, "after the worse fault was mended"},
		"a step that is not true":         {`[test -e $W/pod]`, `[test -e $W/pott]`, `step "look": after 1 s still:`},
		"something is left":               {`cp web.yaml $W/pod`, `cp web.yaml $W/pod; touch $W/rest`, "rest was not there before"},
		"something is missing":            {`rm -f $W/pod`, `rm -f $W/node $W/pod`, "node is no more"},
		"something is broken":             {`reset: [`, `reset: ["ls $W/smoke || touch $W/smoke", `, "it smokes"},
		"a reset that works but once":     {`rm -f $W/pod $W/pod-2`, `rm $W/pod`, "reset 03-pods: a command did not end as it should"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, test.old) {
				t.Fatalf("the good lab has no %q", test.old)
			}
			result := try(t, strings.Replace(good, test.old, test.new, 1))
			if !strings.Contains(result.Failure, test.want) {
				t.Errorf("want %q in:\n%s", test.want, result.Failure)
			}
		})
	}
}

func TestNothingIsTriedWhereSomebodyKeepsHisOwnThings(t *testing.T) {
	fresh := []string{"endpointslices/default/kubernetes-control-plane", "namespaces/default", "nodes/node-1", "pods/kube-system/dns", "serviceaccounts/default/default", "services/default/kubernetes"}
	if got := ofPeople(fresh); got != nil {
		t.Errorf("a fresh cluster has %q", got)
	}
	theirs := []string{"deployments/default/web", "endpointslices/default/web-1", "pods/default/kubernetes-the-hard-way"}
	if diff := cmp.Diff(theirs, ofPeople(append(fresh, theirs...))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := some(strings.Fields("a b c d e f g h")); got != "a, b, c, d, e, f and 2 more" {
		t.Error(got)
	}
}
