// The book, a chapter, a lab and a file of source as the server would send them, for the page of those who work on the pages.

import type { Book, Chapter, Fault, Gate, Lab, LabCheck, LabQuestion } from "../lib/types";

export const lab: Lab = {
  name: "16-replicasets",
  title: "Keep three alive",
  minutes: 15,
  steps: [
    { id: "create", title: "Ask for three", html: "<p>A Deployment makes a ReplicaSet, and the ReplicaSet makes pods until there are as many as wanted.</p>", run: ["kubectl create deployment web --image=busybox --replicas=3 -- sleep 1000000"], view: "cluster", check: [{ run: "kubectl get deployment web -o jsonpath={.status.readyReplicas}", expect: "3" }], done: true },
    { id: "delete", title: "Delete one, and watch", html: "<p>Before you press the button: which component will notice first, and what is the first thing that it writes?</p>", run: ["kubectl delete pod -l app=web --field-selector status.phase=Running --wait=false"], view: "cluster", holds: [{ run: "kubectl get endpoints web", expect: "that it succeeds" }], check: [{ run: "kubectl get deployment web -o jsonpath={.status.readyReplicas}", expect: "3" }, { run: "kubectl get pods -l app=web --no-headers | wc -l", expect: "3" }], needs: ["create"], done: false },
    { id: "orphan", title: "Adopt an orphan", html: "<p>A pod with the same labels and no owner. Make one.</p>", faded: true, grades: 3, opened: 0, hints: [], run: [], check: [{ run: "kubectl get pod orphan -o jsonpath={.metadata.ownerReferences[0].kind}", says: "The pod orphan has an owner.", expect: "ReplicaSet" }], needs: ["delete"], done: false },
    {
      id: "break",
      title: "Break it: kill the controllers",
      html: "<p>Nobody counts pods while they are away.</p>",
      predict: [
        { html: "<p>What happens to the pods that run?</p>", choices: ["They end with the controllers", "They run on", "They are restarted by their nodes"] },
        { html: "<p>How long until the next controllers are at work?</p>", number: true, unit: "s" },
      ],
      waits: true,
      run: [],
      check: [],
      done: false,
    },
  ],
  challenges: [
    { id: "five", title: "Five, and never three", html: "<p>Somebody wished for three pods, and five run. Make it three, and delete none by hand.</p>", begun: false, done: false, grades: 3, hints: [], check: [{ run: "kubectl get pods -l app=web --no-headers | wc -l", says: "Three pods run.", expect: "3" }], holds: [{ run: "kubectl get replicaset web -o jsonpath={.metadata.uid}", says: "The ReplicaSet is the same one.", expect: "what it printed when the challenge began" }] },
    { id: "none", title: "Nobody comes", html: "<p>Pods are deleted, and nobody makes new ones.</p>", begun: false, done: false, grades: 3, hints: [], check: [{ run: "kubectl get pods -l app=web --no-headers | wc -l", says: "Three pods run.", expect: "3" }] },
  ],
};

/** What of the lab is shown only later: by step or challenge. */
export const later: Record<string, { hints?: string[]; run?: string[]; check?: LabCheck[]; found?: LabQuestion[]; debrief?: string; solutions?: { name: string; do: string[] }[] }> = {
  orphan: { hints: ["<p>The ReplicaSet knows its pods by a <em>selector</em>.</p>", "<p>A pod that matches and has no owner is taken as a gift.</p>"], run: ["kubectl run orphan --image=busybox --labels=app=web -- sleep 1000000"] },
  break: {
    run: ["kube kill controllers"],
    check: [{ run: "kubectl get pods -l app=web --no-headers | wc -l", says: "Three pods run.", expect: "3" }],
    found: [
      { html: "", found: "They run on", measure: "kubectl get pods -o jsonpath={.items[*].status.containerStatuses[*].restartCount}", because: "<p>Controllers only decide. Who runs a pod is its node.</p>" },
      { html: "", found: "0.4", measure: "kube why lease/controllers --json", because: "<p>Their supervisor starts them at once.</p>" },
    ],
  },
  five: {
    hints: ["<p>Look at the labels of all five, and at their owners.</p>", "<p>Two of them are no pods of this ReplicaSet.</p>", "<p>Give the two the label that the selector asks for.</p>"],
    debrief: "<p>Two pods had lost their label. <code>OWNER</code> gives it away: they have none. <code>kube why</code> leads to the request that changed the label.</p>",
    solutions: [{ name: "give the label back", do: ["kubectl label pod -l app=wep app=web --overwrite"] }, { name: "change the selector", do: ["kubectl replace --force -f web.yaml"] }],
  },
  none: { hints: ["<p>Look at the loops.</p>", "<p>One is held.</p>", "<p>Release it.</p>"], debrief: "<p>The loop was held.</p>", solutions: [] },
};

export const book: Book = {
  parts: [
    { title: "To begin with", chapters: [{ name: "00-dev-ops", number: 0, title: "On dev-ops", ready: true, lab: false, view: "cluster" }] },
    {
      title: "One machine",
      chapters: ["A container is a process", "Images", "Pods: one pod, one IP", "Init containers and sidecars", "Probes", "Resources: requests, limits, eviction", "Volumes, ConfigMaps, Secrets"].map((title, i) => ({ name: `0${i + 1}-x`, number: i + 1, title, ready: i !== 1, lab: i === 0, view: "pod" })),
    },
    { title: "Changes", chapters: ["ReplicaSets: self-healing", "Deployments: roll-out and roll-back", "Autoscaling"].map((title, i) => ({ name: i === 0 ? "16-replicasets" : `${16 + i}-x`, number: 16 + i, title, ready: i === 0, lab: i === 0, view: "replicas" })) },
  ],
};

export const operatorSource = `package replicasets

import "context"

// reconcile makes as many pods as are wanted, and deletes those that are too many.
func (o *Operator) reconcile(ctx context.Context, set *ReplicaSet) error {
	plan := Decide(set, o.podsOf(set)) // pure: see plan.go
	ctx = trace.Decided(ctx, plan)
	for range plan.Create {
		ctx := trace.Because(ctx, "wanted %d, have %d", plan.Wanted, plan.Have)
		if err := o.create(ctx, set); err != nil {
			return fmt.Errorf("create a pod for %s: %w", set.Name, err)
		}
	}
	return nil
}
`;

export function chapterNamed(name: string): Chapter | undefined {
  const entries = book.parts.flatMap((part) => part.chapters).filter((entry) => entry.ready);
  const at = entries.findIndex((entry) => entry.name === name);
  const entry = entries[at];
  if (!entry) return undefined;
  const [previous, next] = [entries[at - 1]?.name, entries[at + 1]?.name];
  return { name, number: entry.number, title: entry.title, html: chapterText, ...(previous && { previous }), ...(next && { next }), ...(entry.lab && { lab }) };
}

const chapterText = `<h1>ReplicaSets: self-healing</h1>
<p>A pod dies for good: its machine loses power, somebody deletes it, its node runs out of memory. Nothing brings <em>that</em> pod back. If three are to answer, somebody has to look, count and make another one.</p>
<h2>The idea</h2>
<p>Say how many, not which. A <a href="#source=kube/replicasets/operator.go:10"><code>kube/replicasets/operator.go</code></a> compares what is <strong>wanted</strong> with what is <strong>there</strong>, and does what is missing:</p>
<figure class="source"><figcaption><a href="#source=kube/replicasets/operator.go:6">func (*Operator) reconcile</a></figcaption><pre><code class="language-go">for range plan.Create {
	ctx := trace.Because(ctx, "wanted %d, have %d", plan.Wanted, plan.Have)
	if err := o.create(ctx, set); err != nil {
		return err
	}
}</code></pre></figure>
<p>It does not remember what it did before. If it crashes between two pods, the next turn counts again.</p>
<ul><li>More pods than wanted: it deletes, the youngest first.</li><li>A pod with its labels and no owner: it adopts it.</li></ul>
<table><thead><tr><th>Kubernetes</th><th>here</th><th>left out, and why</th></tr></thead><tbody><tr><td>slow start of 1, 2, 4 … pods</td><td>all at once</td><td>a lesson has few pods</td></tr></tbody></table>`;

export const faults: Fault[] = [
  { kind: "delete-pod", title: "Delete a pod", targets: [{ target: "default/web-6b7c9f8d54-2jrdw", command: "kubectl delete pod web-6b7c9f8d54-2jrdw" }] },
  { kind: "kill-component", title: "Kill a process of the cluster (kill -9)", targets: ["etcd", "apiserver", "scheduler", "controllers"].map((target) => ({ target, command: `kube kill ${target}` })) },
  { kind: "kill-node", title: "Cut a node's power", heavy: true, targets: [1, 2, 3].map((n) => ({ target: `node-${n}`, command: `kube node kill node-${n}` })) },
];

export const gates: Gate[] = ["deployments", "endpointslices", "kubelet", "replicasets", "scheduler"].map((loop) => ({ loop, held: false, waiting: [] }));
