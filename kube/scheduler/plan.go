package scheduler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Decision is where a pod goes, and what every rule said of every node.
type Decision struct {
	Node     string    `json:"node"`     // empty: none fits
	Verdicts []Verdict `json:"verdicts"` // in the order of the nodes' names
	Made     time.Time `json:"made"`     // those made later count on it, though their writes may come first
}

// Verdict is what the rules say of one node.
type Verdict struct {
	Node   string   `json:"node"`
	Why    []string `json:"why,omitempty"` // the node cannot take the pod, in the words of the first rule that says so; empty: it can
	Points Points   `json:"points"`        // of a node that can
	Total  int      `json:"total"`         // the weighted sum of the points
}

// Points are 0 to 100 for each of the scores, in their order.
type Points [numScores]uint8

// String names the scores that gave any.
func (p Points) String() string {
	var texts []string
	for i, points := range p {
		if points > 0 {
			texts = append(texts, fmt.Sprintf("%s %d", scores[i].name, points))
		}
	}
	return strings.Join(texts, ", ")
}

// MarshalJSON names the scores, as String does.
func (p Points) MarshalJSON() ([]byte, error) {
	named := map[string]uint8{}
	for i, points := range p {
		if points > 0 {
			named[scores[i].name] = points
		}
	}
	return json.Marshal(named)
}

// shown is how many verdicts a person can look at.
const shown = 20

// Shown is the decision with the verdicts that matter most: of the nodes that fit best, then of those that do not.
func (d Decision) Shown() Decision {
	if len(d.Verdicts) <= shown {
		return d
	}
	d.Verdicts = slices.Clone(d.Verdicts)
	slices.SortStableFunc(d.Verdicts, func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(min(len(a.Why), 1), min(len(b.Why), 1)), cmp.Compare(b.Total, a.Total))
	})
	d.Verdicts = d.Verdicts[:shown]
	return d
}

// check is a filter made ready for one pod: why the node cannot take it, nil if it can.
type check func(*Node) []string

// filters are asked in this order; the first no decides. Each looks at the pod once and returns nil if the
// pod does not ask for anything that concerns it.
var filters = [...]struct {
	name    string
	prepare func(*Pod, *Cluster) check
}{
	{"unschedulable", checkSchedulable},
	{"taints", checkTaints},
	{"node affinity", checkNodeAffinity},
	{"host ports", checkPorts},
	{"resources", checkResources},
	{"topology spread", checkSpread},
	{"pod affinity", checkPodAffinity},
}

// rating is a score made ready for one pod.
type rating func(*Node) int64

const numScores = 7

// scores rank the nodes that passed. Those without a scale of their own are scaled to 0 to 100 by the
// best and the worst among the nodes.
var scores = [numScores]struct {
	name    string
	weight  int
	scaling scaling
	prepare func(*Pod, *Cluster) rating
}{
	{"free resources", 1, asIs, rateFree},
	{"balanced resources", 1, asIs, rateBalance},
	{"siblings elsewhere", 2, fewestWin, rateSiblings},
	{"even spread", 2, fewestWin, rateSpread},
	{"preferred node", 2, mostWin, rateNodeAffinity},
	{"preferred company", 2, mostWin, ratePodAffinity},
	{"untainted", 3, fewestWin, rateTaints},
}

type scaling int

const (
	asIs      scaling = iota // it gives 0 to 100 itself
	mostWin                  // the highest rating gets 100
	fewestWin                // the lower the rating the more points: the highest gets none
)

// Plan decides on which of the cluster's nodes pod should run. It only reads the cluster.
func Plan(pod *corev1.Pod, cluster *Cluster) Decision {
	p := newPod(pod)
	checks := prepareChecks(p, cluster)
	d := Decision{Verdicts: make([]Verdict, len(cluster.nodes))}
	fit := make([]int, 0, len(cluster.nodes))
	for i, node := range cluster.nodes {
		d.Verdicts[i].Node = node.name
		if why := refusal(checks, node); why != nil {
			d.Verdicts[i].Why = why
		} else {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return d
	}
	if len(fit) > 1 { // of one there is nothing to rank
		rank(p, cluster, d.Verdicts, fit)
	}
	d.Node = d.Verdicts[best(d.Verdicts, fit, pod)].Node
	return d
}

// fits says whether the node can take the pod as things are.
func (c *Cluster) fits(pod *Pod, name string) bool {
	node := c.byName[name]
	return node != nil && node.Node != nil && refusal(prepareChecks(pod, c), node) == nil
}

func prepareChecks(p *Pod, cluster *Cluster) []check {
	var checks []check
	for _, f := range filters {
		if c := f.prepare(p, cluster); c != nil {
			checks = append(checks, c)
		}
	}
	return checks
}

// refusal is what the first check that says no says of the node; nil: the node can take the pod.
func refusal(checks []check, node *Node) []string {
	for _, c := range checks {
		if why := c(node); why != nil {
			return why
		}
	}
	return nil
}

// rank fills in the points and totals of those verdicts that fit.
func rank(p *Pod, cluster *Cluster, verdicts []Verdict, fit []int) {
	raw := make([]int64, len(fit))
	for s := range scores {
		rate := scores[s].prepare(p, cluster)
		if rate == nil {
			continue
		}
		for i, at := range fit {
			raw[i] = rate(cluster.nodes[at])
		}
		scale(raw, scores[s].scaling)
		for i, at := range fit {
			verdicts[at].Points[s] = uint8(raw[i])
			verdicts[at].Total += int(raw[i]) * scores[s].weight
		}
	}
}

// scale brings ratings to 0 to 100. The lower end is zero, or the lowest rating if that is negative.
func scale(raw []int64, how scaling) {
	if how == asIs {
		return
	}
	low, high := min(0, slices.Min(raw)), slices.Max(raw)
	for i := range raw {
		switch {
		case high == low:
			raw[i] = 0 // they do not differ
		case how == mostWin:
			raw[i] = 100 * (raw[i] - low) / (high - low)
		default:
			raw[i] = 100 * (high - raw[i]) / (high - low)
		}
	}
}

// best is the verdict with the highest total. Of several the pod's UID picks one: by chance, and yet always the same.
func best(verdicts []Verdict, fit []int, pod *corev1.Pod) int {
	var ties []int
	top := -1
	for _, at := range fit {
		switch total := verdicts[at].Total; {
		case total > top:
			top, ties = total, append(ties[:0], at)
		case total == top:
			ties = append(ties, at)
		}
	}
	hash := fnv.New32a()
	hash.Write([]byte(pod.UID))
	return ties[int(hash.Sum32())%len(ties)]
}

// Message says why no node fits, in upstream's words: how many nodes gave which reason.
func (d Decision) Message() string {
	if len(d.Verdicts) == 0 {
		return "no nodes available to schedule pods"
	}
	count := map[string]int{}
	for _, v := range d.Verdicts {
		for _, why := range v.Why {
			count[why]++
		}
	}
	var reasons []string
	for why, n := range maps.All(count) {
		reasons = append(reasons, fmt.Sprintf("%d %s", n, why))
	}
	slices.Sort(reasons)
	return fmt.Sprintf("0/%d nodes are available: %s.", len(d.Verdicts), strings.Join(reasons, ", "))
}

// Reason says in short why the node was chosen.
func (d Decision) Reason() string {
	fit, points := 0, ""
	for _, v := range d.Verdicts {
		if len(v.Why) == 0 {
			fit++
		}
		if v.Node == d.Node {
			points = v.Points.String()
		}
	}
	if fit == 1 {
		return fmt.Sprintf("%s is the only one of %d nodes that fits", d.Node, len(d.Verdicts))
	}
	return fmt.Sprintf("%d of %d nodes fit, %s is best: %s", fit, len(d.Verdicts), d.Node, points)
}
