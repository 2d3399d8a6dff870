import { describe, expect, it } from "vitest";
import { History, stateOf } from "../../lib/model";
import { get } from "../../lib/select";
import type { Frame, Pod, Ref, Step } from "../../lib/types";
import { livesOf } from "../stage/lives";
import { answerOf, brief, chosenDecision, decisionsUpTo, filters, margin, refusedBy, seenBy, sentence, type Decision, type Verdict } from "./decisions";

const fits = (node: string, points: Record<string, number>, total: number): Verdict => ({ node, why: [], points, total });
const out = (node: string, ...why: string[]): Verdict => ({ node, why, points: {}, total: 0 });

const pod = (name: string): Ref => ({ resource: "pods", namespace: "default", name });

function step(id: string, name: string, node: string, verdicts: Partial<Verdict>[], more: Partial<Step> = {}): Step {
  return { id, time: "2026-03-02T09:00:00Z", component: "scheduler", verb: node ? "create binding" : "patch status", object: pod(name), plan: { node, verdicts }, ...more };
}

function historyOf(...steps: Step[]): History {
  const history = new History({ seq: 0, time: "2026-03-02T09:00:00Z", cluster: "c", objects: null, facts: null, steps: null });
  history.append(steps.map((s, i): Frame => ({ seq: i + 1, time: s.time, step: s })));
  return history;
}

const decision = (node: string, ...verdicts: Verdict[]): Decision => decisionsUpTo(historyOf(step("r1", "web", node, verdicts)), 1)[0] as Decision;

describe("the scheduler's decisions", () => {
  it("are its steps that have a plan, oldest first, and none that came after the moment", () => {
    const history = historyOf(step("r1", "a", "node-1", []), step("x", "a", "node-1", [], { component: "kubelet" }), { ...step("h", "b", "", []), plan: undefined }, step("r2", "b", "", []), step("r3", "c", "node-2", []));
    expect(decisionsUpTo(history, 4).map(({ step }) => step.id)).toEqual(["r1", "r2"]);
    expect(decisionsUpTo(history, 5, 2).map(({ step }) => step.id)).toEqual(["r2", "r3"]);
  });

  it("are in the order in which they were made, not in that of their writes", () => {
    const made = (at: string, one: Step): Step => ({ ...one, plan: { ...(one.plan as object), made: `2026-03-02T08:59:59.${at}Z` } });
    const history = historyOf(made("000002", step("r1", "b", "node-2", [])), made("000001", step("r2", "a", "node-1", [])));
    expect(decisionsUpTo(history, 2).map(({ step }) => step.id)).toEqual(["r2", "r1"]);
  });

  it("saw the pods of those made before, though not yet written, and of none made after", () => {
    const at = (made: number, name: string, node: string): Decision => ({ step: step(name, name, node, []), made, seq: 0, pod: pod(name), node, verdicts: [] });
    const object = (name: string, nodeName?: string) => ({ ref: pod(name), revision: 1, body: { metadata: { name, creationTimestamp: "1970-01-01T00:00:00Z" }, spec: { containers: [], ...(nodeName && { nodeName }) } } });
    const before = stateOf({ seq: 1, time: "", cluster: "c", facts: null, steps: null, objects: [object("first"), object("this"), object("last", "node-3"), object("old", "node-1")] });
    const decisions = [at(1, "first", "node-1"), at(2, "this", "node-2"), at(3, "last", "node-3")];
    const seen = seenBy(decisions[1] as Decision, decisions, before);
    expect(["first", "this", "last", "old"].map((name) => (get(seen, pod(name)) as Pod).spec.nodeName)).toEqual(["node-1", undefined, undefined, "node-1"]);
  });

  it("show the picked one, else the last about the object, else the last of all", () => {
    const history = historyOf(step("r1", "a", "", []), step("r2", "a", "node-1", []), step("r3", "b", "node-2", []));
    const all = decisionsUpTo(history, 3);
    const [about] = livesOf(history, pod("a"), 3);
    expect(chosenDecision(all, "r1", about)?.step.id).toBe("r1");
    expect(chosenDecision(all, undefined, about)?.step.id).toBe("r2");
    expect(chosenDecision(all, "r9", undefined)?.step.id).toBe("r3");
  });

  it("about a pod are not those about another one that had its name before", () => {
    const history = historyOf(step("r1", "a", "node-1", []), step("r2", "b", "node-2", []), { ...step("r9", "a", "", []), time: "2026-03-02T09:00:01Z", component: "alice", verb: "create", revision: 9 });
    expect(chosenDecision(decisionsUpTo(history, 3), undefined, livesOf(history, pod("a"), 3)[0])?.step.id).toBe("r2");
  });

  it("read a verdict of Go, where what is empty is left out", () => {
    expect(decision("", { node: "node-1" } as Verdict).verdicts).toEqual([{ node: "node-1", why: [], points: {}, total: 0 }]);
  });
});

describe("a filter", () => {
  it("is known by the words of its reason", () => {
    const whys = ["node(s) were unschedulable", "node(s) had untolerated taint {gpu: yes}", "node(s) didn't match Pod's node affinity/selector", "node(s) didn't have free ports for the requested pod ports", "Insufficient cpu", "node(s) didn't match pod topology spread constraints (missing required label)", "node(s) didn't match pod anti-affinity rules"];
    expect(whys.map((why) => refusedBy(out("n", why)))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(refusedBy(out("n", "the moon is full"))).toBe(filters.length);
  });

  it("passed before the first no, and is not asked after it", () => {
    const verdict = out("n", "Insufficient cpu", "Insufficient memory");
    expect(filters.map((_, i) => answerOf(verdict, i))).toEqual(["passed", "passed", "passed", "passed", "refused", "not asked", "not asked"]);
    expect(filters.map((_, i) => answerOf(fits("n", {}, 0), i))).toEqual(filters.map(() => "passed"));
  });

  it("gives its reason in a few words", () => {
    expect(brief("node(s) didn't match Pod's node affinity/selector")).toBe("no such label");
    expect(brief("node(s) had untolerated taint {special: gpu}")).toBe("taint special: gpu");
    expect(brief("node(s) had untolerated taint {closed: }")).toBe("taint closed");
    expect(brief("Insufficient memory")).toBe("Insufficient memory");
  });
});

describe("the difference", () => {
  it("is made by the score that gave the winner most over the second, by weight", () => {
    const d = decision("node-2", fits("node-1", { "free resources": 94 }, 187), fits("node-2", { "free resources": 97, "siblings elsewhere": 100 }, 393), fits("node-3", {}, 100));
    expect(margin(d)).toEqual({ second: "node-1", by: 206, scores: ["siblings elsewhere", "free resources"] });
    expect(sentence(d)).toBe("206 points ahead of the other 2 that fit: siblings elsewhere and free resources made the difference.");
  });

  it("is none where two are equal, or only one fits, or none does", () => {
    expect(sentence(decision("node-1", fits("node-1", {}, 193), fits("node-2", {}, 193)))).toContain("As many points as node-2");
    expect(sentence(decision("node-1", fits("node-1", {}, 0), out("node-2", "Insufficient cpu")))).toBe("The only one of 2 nodes that fits, so no points are given.");
    const none = historyOf(step("r1", "web", "", [out("node-1", "Insufficient cpu")], { detail: "0/1 nodes are available: 1 Insufficient cpu." }));
    expect(sentence(decisionsUpTo(none, 1)[0] as Decision)).toBe("0/1 nodes are available: 1 Insufficient cpu.");
  });
});
