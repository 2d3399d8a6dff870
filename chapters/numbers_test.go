package chapters_test

import (
	"strings"
	"testing"

	"kubelab/chapters"
)

// numbers are what chapters say in words and the code says in figures.
var numbers = []struct {
	chapter, says       string // the words
	symbol, file, holds string // what the symbol's code must hold for them to be true
}{
	{"03-pods", "by default after five minutes", "kube/pods/podkind: const outage", "kube/pods/podkind/admission.go", "outage = 300"},
	{"07-volumes", "after half a second, after one, after two, and so on, with at most two minutes and two seconds", "kube/pods: const mountPauseFirst", "kube/pods/plan_volumes.go", "mountPauseFirst = 500 * time.Millisecond\n\tmountPauseLast  = 2*time.Minute + 2*time.Second"},
	{"07-volumes", "measures the directory every ten seconds", "kube/kubelet/eviction: const interval", "kube/kubelet/eviction/operator.go", "interval = 10 * time.Second"},
	{"07-volumes", "When four fifths of its time are over", "kube/pods: func renewAt", "kube/pods/tokens.go", "life*4/5"},
	{"08-api", "the last 4,096 changes of each kind", "kube/store: const remembered", "kube/store/history.go", "remembered      = 4096"},
	{"09-loop", "5 ms, 10 ms, 20 ms, up to half a minute", "kube/operator: const retryFirst", "kube/operator/loop.go", "retryFirst = 5 * time.Millisecond\n\tretryLast  = 30 * time.Second"},
	{"10-scheduler", "fewer than its 110 pods", "kube/kubelet: const maxPods", "kube/kubelet/plan.go", "maxPods = 110"},
	{"10-scheduler", "With the weight 2", "kube/scheduler: var scores", "kube/scheduler/plan.go", `{"siblings elsewhere", 2, fewestWin,`},
	{"11-kubelet", "10 seconds, 20, 40, 80, 160, and then five minutes", "kube/pods: const backOffFirst", "kube/pods/plan.go", "backOffFirst = 10 * time.Second"},
	{"11-kubelet", "10 seconds, 20, 40, 80, 160, and then five minutes", "kube/pods: const backOffLast", "kube/pods/plan.go", "backOffLast  = 300 * time.Second"},
	{"11-kubelet", "has run for ten minutes is forgiven", "kube/pods: const backOffReset", "kube/pods/plan.go", "backOffReset = 10 * time.Minute"},
	{"11-kubelet", "a **lease**, once a second. If that stops for four seconds", "kube/kubelet: const renewInterval", "kube/kubelet/lease.go", "renewInterval = time.Second\n\tleaseTerm     = 4 * time.Second"},
	{"11-kubelet", "| 1 s and 4 s |", "kube/nodes: const Grace", "kube/nodes/plan.go", "Grace = 4 * time.Second"},
	{"12-pod-network", "`10.244.0.0/24` for the first to come", "kube/cluster: var DefaultPods", "kube/cluster/plan.go", `"10.244.0.0/16"`},
	{"12-pod-network", "`first` is 2 and `end` is 254, and a node has 253 addresses", "kube/podnet: func PlanAddress", "kube/podnet/plan.go", "first, end := uint32(2), size-2"},
	{"13-services", "from the range `10.96.0.0/16`", "kube/services: var DefaultRange", "kube/services/ranges.go", `"10.96.0.0/16"`},
	{"13-services", "good for 5 seconds", "kube/dns: const ttl", "kube/dns/plan.go", "ttl = 5"},
	{"16-replicasets", "five more minutes", "kube/pods/podkind: const outage", "kube/pods/podkind/admission.go", "outage = 300"},
	{"22-nodes", "tolerationSeconds: 300", "kube/pods/podkind: const outage", "kube/pods/podkind/admission.go", "outage = 300"},
	{"16-replicasets", "at most 500 in a turn", "kube/replicasets: const burst", "kube/replicasets/plan.go", "burst = 500"},
	{"16-replicasets", "4 seconds have to pass", "kube/nodes: const Grace", "kube/nodes/plan.go", "Grace = 4 * time.Second"},
	{"16-replicasets", "in batches of one, two, four", "kube/operator: func (*Children) Create", "kube/operator/children.go", "batch := 0, 1; made < n; batch *= 2"},
	{"17-deployments", "25 % each by default", "kube/deployments: func setDefaults", "kube/deployments/kind.go", `MaxSurge, intstr.FromString("25%")`},
	{"17-deployments", "`progressDeadlineSeconds` (600 if you do not say)", "kube/deployments: func setDefaults", "kube/deployments/kind.go", "ProgressDeadlineSeconds, 600"},
	{"17-deployments", "ten, unless `revisionHistoryLimit` says otherwise", "kube/deployments: func setDefaults", "kube/deployments/kind.go", "RevisionHistoryLimit, 10"},
	{"22-nodes", "Four seconds are short", "kube/nodes: const Grace", "kube/nodes/plan.go", "Grace = 4 * time.Second"},
	{"22-nodes", "once a second", "kube/kubelet: const renewInterval", "kube/kubelet/lease.go", "renewInterval = time.Second"},
}

func TestANumberInTheBookIsTheOneInTheCode(t *testing.T) {
	for _, n := range numbers {
		text, err := chapters.Markdown(n.chapter)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), n.says) {
			t.Errorf("%s does not say %q any more", n.chapter, n.says)
		}
		code, err := chapters.Find(n.symbol, n.file)
		if err != nil {
			t.Errorf("%s says %q: %v", n.chapter, n.says, err)
		} else if !strings.Contains(code.Text, n.holds) {
			t.Errorf("%s says %q, but %s does not hold %q:\n%s", n.chapter, n.says, n.symbol, n.holds, code.Text)
		}
	}
}
