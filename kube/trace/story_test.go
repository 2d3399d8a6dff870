package trace_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"kubelab/kube/cluster/clustertest"
	"kubelab/kube/trace"
)

var update = flag.Bool("update", false, "write the golden files anew")

// chosen matches what was drawn by lot in a name: that of a pod, a slice, a template.
var chosen = regexp.MustCompile(`-([a-f0-9]{8,10}-[a-z0-9]{5}|[a-f0-9]{8,10}|[bcdfghjklmnpqrstvwxz2456789]{5})\b`)

// node matches the name of a node: the scheduler may choose any.
var node = regexp.MustCompile(`node-\d`)

// id matches what a runtime calls a sandbox or a container.
var id = regexp.MustCompile(`\b[0-9a-f]{12,}\b`)

// story tells steps and their causes without times, numbers and what was drawn by lot: what happened because of what. A step stands
// below all of its causes; who said the same several times, said it once.
func story(steps []trace.Step) string {
	said, depth := map[trace.ID]string{}, map[trace.ID]int{}
	for _, step := range steps { // a cause comes before what it causes
		who := step.Component
		if step.Host != "" {
			who += "@" + node.ReplaceAllString(step.Host, "node")
		}
		text := fmt.Sprintf("%s: %s %s", who, step.Verb, step.Object)
		if step.Verb == "decide" {
			text += ": " + id.ReplaceAllString(step.Detail, "*")
		}
		said[step.ID] = chosen.ReplaceAllString(text, "-*")
		for _, cause := range step.Causes {
			depth[step.ID] = max(depth[step.ID], depth[cause]+1)
		}
	}
	lines := map[string]int{}
	for _, step := range steps {
		because := map[string]bool{}
		for _, cause := range step.Causes {
			if said[cause] != "" {
				because[said[cause]] = true
			}
		}
		line := said[step.ID]
		if step.Root != "" {
			line += " (" + string(step.Root) + ")"
		}
		for _, cause := range slices.Sorted(maps.Keys(because)) {
			line += "\n    because " + cause
		}
		if known, there := lines[line]; !there || depth[step.ID] < known {
			lines[line] = depth[step.ID]
		}
	}
	order := slices.SortedFunc(maps.Keys(lines), func(a, b string) int { return cmp.Or(lines[a]-lines[b], strings.Compare(a, b)) })
	return strings.Join(order, "\n") + "\n"
}

// TestAChainTellsWhatItAlwaysTold compares what kube why knows of small stories with files of the clone. A change of them is a
// change of what people are told: look at it, and then write the files anew with -update. On a busy machine a pod may come up so slowly that
// its kubelet says so in between. That is another story, and as true, so each is tried a few times.
func TestAChainTellsWhatItAlwaysTold(t *testing.T) {
	c := clustertest.Start(t)
	pod := func(name string) {
		c.Apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: busybox, command: [sleep, "1000000"]}]
`, name))
	}
	service := func(name string) {
		c.Apply(strings.Replace(fmt.Sprintf(application, name), "replicas: 2", "replicas: 1", 1))
	}
	for _, told := range []struct {
		file, resource, name string
		tell                 func(name string)
	}{{"pod.txt", "pod", "alone", pod}, {"service.txt", "service", "web", service}} {
		file := filepath.Join("testdata", told.file)
		var diff string
		for try := range 6 {
			name := fmt.Sprint(told.name, try)
			told.tell(name)
			c.WaitReady("default", "app="+name, 1)
			now := strings.ReplaceAll(storyAtRest(c, told.resource+"/"+name), name, told.name)
			if *update {
				if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			wanted, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff = gocmp.Diff(strings.Split(string(wanted), "\n"), strings.Split(now, "\n")); diff == "" {
				break
			}
		}
		if diff != "" {
			t.Errorf("%s (-%s +now):\n%s", told.name, file, diff)
		}
	}
}

// storyAtRest is the story of an object once nothing has been added to it for a while: what nodes did comes in batches.
func storyAtRest(c *clustertest.Cluster, object string) string {
	c.T.Helper()
	var last string
	since := time.Now()
	c.Wait(30*time.Second, "the record of "+object+" to be at rest", func() bool {
		before := last
		if last = story(chain(c, object)); last != before {
			since = time.Now()
		}
		return time.Since(since) > 3*time.Second
	})
	return last
}
