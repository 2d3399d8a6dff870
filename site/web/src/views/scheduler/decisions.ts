// What the scheduler decided, read from the plans of its steps. Pure.

import type { History, State, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import { millis } from "../../lib/time";
import type { Pod, Ref, Step, Versioned } from "../../lib/types";
import type { Life } from "../stage/lives";

/** What the rules say of one node. */
export interface Verdict {
  node: string;
  /** Why the node cannot take the pod, in the words of the first rule that says so; empty: it can. */
  why: string[];
  /** By the score's name; a score that gave nothing is not in it. */
  points: Record<string, number>;
  total: number;
}

export interface Decision {
  step: Step;
  /** When it was made; its write came later, and those of others may have come in between. */
  made: number;
  /** The frame of its write. */
  seq: number;
  pod: Ref;
  /** Empty: none fits. */
  node: string;
  verdicts: Verdict[];
}

export interface Filter {
  name: string;
  /** What it asks, as a sentence. */
  asks: string;
  /** How its reasons begin. */
  words: readonly string[];
}

/** The filters in the order in which they are asked: the first no decides. */
export const filters: readonly Filter[] = [
  { name: "unschedulable", asks: "Is the node closed to new pods (cordoned)?", words: ["node(s) were unschedulable"] },
  { name: "taints", asks: "Does the node have a taint that the pod does not tolerate?", words: ["node(s) had untolerated taint"] },
  { name: "node affinity", asks: "Does the node have the labels that the pod requires?", words: ["node(s) didn't match Pod's node affinity"] },
  { name: "host ports", asks: "Are the node's ports that the pod wants still free?", words: ["node(s) didn't have free ports"] },
  { name: "resources", asks: "Is what the pods request, with this one, no more than what the node has to give?", words: ["Insufficient", "Too many pods"] },
  { name: "topology spread", asks: "Would the numbers in two zones differ by more than is allowed?", words: ["node(s) didn't match pod topology spread"] },
  { name: "pod affinity", asks: "Do the pods that are there already suit it, and it them?", words: ["node(s) didn't match pod affinity", "node(s) didn't match pod anti-affinity", "node(s) didn't satisfy existing pods anti-affinity"] },
];

export interface Score {
  name: string;
  weight: number;
  likes: string;
}

/** The scores, with what their points count. */
export const scores: readonly Score[] = [
  { name: "free resources", weight: 1, likes: "The node of which most is left: the mean of the free shares of CPU and memory. A pod without a request counts as a little." },
  { name: "balanced resources", weight: 1, likes: "The node where CPU and memory would be used to the same degree." },
  { name: "siblings elsewhere", weight: 2, likes: "The node with the fewest pods of the same controller." },
  { name: "even spread", weight: 2, likes: "The node that keeps the numbers in all zones most alike." },
  { name: "preferred node", weight: 2, likes: "The node with the labels that the pod would like." },
  { name: "preferred company", weight: 2, likes: "The node with the pods that the pod would like to be near, or the fewest that it would rather avoid." },
  { name: "untainted", weight: 3, likes: "The node with the fewest taints that would rather not have the pod." },
];

/** Reads the plan of a step; undefined for a step that decided nothing about a node. */
export function decisionOf({ step, time, seq }: StepAt): Decision | undefined {
  const plan = step.plan as { node?: unknown; verdicts?: unknown; made?: unknown } | undefined;
  if (step.component !== "scheduler" || typeof plan?.node !== "string" || !Array.isArray(plan.verdicts)) return undefined;
  const verdicts = plan.verdicts.map((v: Partial<Verdict>) => ({ node: v.node ?? "", why: v.why ?? [], points: v.points ?? {}, total: v.total ?? 0 }));
  const made = millis(String(plan.made)) || time;
  return { step, made, seq, pod: step.object, node: plan.node, verdicts: verdicts.sort((a, b) => (a.node < b.node ? -1 : 1)) };
}

/** The newest decisions that are known at a moment, in the order in which they were made. */
export function decisionsUpTo(history: History, seq: number, most = 60): Decision[] {
  const steps = history.stepsUpTo(seq);
  const found: Decision[] = [];
  for (let i = steps.length - 1; i >= 0 && found.length < most; i--) {
    const decision = decisionOf(steps[i] as StepAt);
    if (decision) found.push(decision);
  }
  return found.sort((a, b) => a.made - b.made || a.seq - b.seq);
}

/** What the rules saw: the cluster as it was right before the write, with the pods of all decisions made earlier, and of none made later. */
export function seenBy(decision: Decision, decisions: readonly Decision[], before: State): State {
  const objects = new Map(before.objects);
  for (const { pod, node, made } of decisions) {
    const known = objects.get(keyOf(pod));
    const body = known?.body as Pod | undefined;
    if (!known || !body || node === "" || made < millis(body.metadata.creationTimestamp ?? "")) continue;
    const { nodeName, ...spec } = body.spec;
    if (made >= decision.made && nodeName) objects.set(keyOf(pod), { ...known, body: { ...body, spec } as Pod } satisfies Versioned);
    if (made < decision.made && !nodeName) objects.set(keyOf(pod), { ...known, body: { ...body, spec: { ...spec, nodeName: node } } as Pod } satisfies Versioned);
  }
  return { ...before, objects };
}

/** The decision to show: the picked one, else the last one about the object, else the last one. */
export function chosenDecision(decisions: readonly Decision[], picked: string | undefined, object: Life | undefined): Decision | undefined {
  const own = new Set(object?.steps.map(({ step }) => step.id));
  return decisions.find(({ step }) => step.id === picked) ?? decisions.findLast(({ step }) => own.has(step.id)) ?? decisions.at(-1);
}

/** The filter that said no, by its place; filters.length for a reason that none of them gives. */
export function refusedBy(verdict: Verdict): number | undefined {
  const [why] = verdict.why;
  if (why === undefined) return undefined;
  const at = filters.findIndex(({ words }) => words.some((begin) => why.startsWith(begin)));
  return at < 0 ? filters.length : at;
}

export type Answer = "passed" | "refused" | "not asked";

/** What a filter said of a node: after the first no the others are not asked. */
export function answerOf(verdict: Verdict, filter: number): Answer {
  const at = refusedBy(verdict);
  if (at === undefined || filter < at) return "passed";
  return filter === at ? "refused" : "not asked";
}

/** A reason, as it fits into a cell: without what every reason begins with. */
export function brief(why: string): string {
  const text = why.replace(/^node\(s\) /, "").replace(/^didn't match Pod's node affinity\/selector$/, "no such label").replace(/^were /, "");
  return text.replace(/^had untolerated taint \{(.*?)(: )?\}$/, "taint $1").replace(/^didn't have free ports.*/, "port is taken").replace(/^didn't (match|satisfy) /, "against ");
}

export interface Margin {
  /** Who came second; none: no other node fits. */
  second?: string;
  by: number;
  /** The scores that made the difference, the one that gave most first. */
  scores: string[];
}

/** What the chosen node is ahead by, and because of which scores. */
export function margin(decision: Decision): Margin | undefined {
  const first = decision.verdicts.find(({ node }) => node === decision.node);
  if (!first) return undefined;
  const others = decision.verdicts.filter((v) => v !== first && v.why.length === 0).sort((a, b) => b.total - a.total);
  const second = others[0];
  if (!second) return { by: 0, scores: [] };
  const ahead = scores
    .map(({ name, weight }) => ({ name, by: weight * ((first.points[name] ?? 0) - (second.points[name] ?? 0)) }))
    .filter(({ by }) => by > 0)
    .sort((a, b) => b.by - a.by);
  return { second: second.node, by: first.total - second.total, scores: ahead.map(({ name }) => name) };
}

/** The decision in one sentence. */
export function sentence(decision: Decision): string {
  const fit = decision.verdicts.filter(({ why }) => why.length === 0).length;
  const all = decision.verdicts.length;
  const ahead = margin(decision);
  if (!ahead) return decision.step.detail ?? `None of ${all} nodes fits.`;
  if (ahead.second === undefined) return all === 1 ? "It is the only node, and it fits." : `The only one of ${all} nodes that fits, so no points are given.`;
  const others = fit - 1 === 1 ? "the other one that fits" : `the other ${fit - 1} that fit`;
  if (ahead.by === 0) return `As many points as ${ahead.second}. Of those that are equal the pod's UID picks one: by chance, and yet always the same.`;
  return `${ahead.by} points ahead of ${others}: ${ahead.scores.slice(0, 2).join(" and ")} made the difference.`;
}
