import { expect, test } from "vitest";
import { History, type StepAt } from "../../lib/model";
import type { Frame, Ref, Step } from "../../lib/types";
import { difference, itemsOf } from "./plans";
import { choose, livesUpTo } from "../stage/lives";
import { numbersOf } from "./numbers";
import { goesOn, isHeld, loopOf, stageOf, turnsOf, waitingAt, type Turn } from "./turns";

const start = Date.parse("2026-11-21T10:00:00Z");
const at = (ms: number) => new Date(start + ms).toISOString();
const set: Ref = { resource: "replicasets", namespace: "default", name: "web" };
const pod = (name: string): Ref => ({ resource: "pods", namespace: "default", name });
const source = "kube/replicasets/operator.go:92";
const three = { create: 3, status: { replicas: 0 } };

function step(ms: number, id: string, verb: string, object: Ref, causes: string[], more: Partial<Step> = {}): Step {
  return { id, time: at(ms), component: "controllers", verb, object, causes, ...(id.startsWith("r") && { revision: Number(id.slice(1)), source }), ...more };
}

function historyOf(steps: readonly Step[], config?: Record<string, string>): History {
  const body = (ref: Ref) => ({ spec: ref.resource === "pods" ? { containers: [] } : { replicas: 3 }, metadata: { name: ref.name, namespace: "default", uid: ref.name === "web" ? "u" : ref.name, ...(ref.resource === "pods" && { ownerReferences: [{ kind: "ReplicaSet", name: "web", uid: "u", controller: true }] }) } });
  const seen = [...new Map(steps.map(({ object }) => [object.name, object])).values()];
  const made = (ref: Ref) => steps.find(({ object }) => object.name === ref.name)?.revision ?? 1;
  const objects = seen.map((ref) => ({ ref, revision: made(ref), body: body(ref) }));
  const stepMode = { ref: { resource: "configmaps", namespace: "kube-system", name: "step-mode" }, revision: 1, body: { metadata: { name: "step-mode" }, data: config ?? {} } };
  const history = new History({ seq: 0, time: at(0), cluster: "c", objects: [...objects, stepMode], facts: [], steps: [] });
  history.append(steps.map((one, i): Frame => ({ seq: i + 1, time: one.time, step: one })));
  return history;
}

const asked = step(0, "r1", "create", set, [], { component: "alice", source: "" });
const first = [asked, step(4, "r2", "create", pod("a"), ["r1"], { plan: three }), step(5, "r3", "create", pod("b"), ["r1"], { plan: three }), step(9, "r4", "update status", set, ["r1"], { plan: three })];

/** The turns of the ReplicaSet's loop at a moment. */
function turnsAt(history: History, seq = 99) {
  const now = history.at(seq);
  const life = choose(livesUpTo(history, now, ["replicasets"]), set, undefined);
  return life ? turnsOf(history, now, "replicasets", life) : [];
}

test("what a loop did for the same reason is one turn, with its plan and what woke it", () => {
  const [turn, ...others] = turnsAt(historyOf(first));
  expect(others).toEqual([]);
  expect(turn?.acts.map((one) => one.step.id)).toEqual(["r2", "r3", "r4"]);
  expect(turn?.causes.map((one) => one.step.id)).toEqual(["r1"]);
  expect(turn?.plan).toEqual(three);
});

test("a new reason is a new turn, and what comes later is not yet there", () => {
  const history = historyOf([...first, step(50, "r5", "update status", set, ["r2", "r3"], { plan: { create: 0 } })]);
  expect(turnsAt(history)).toHaveLength(2);
  expect(turnsAt(history, 4)).toHaveLength(1);
});

test("an object that is made again under its name begins with no turns", () => {
  const again = step(90, "r20", "create", set, [], { component: "alice", source: "" });
  expect(turnsAt(historyOf([...first, again]))).toEqual([]);
});

test("a turn that was held goes on when it is let go; one that then writes nothing is told as such", () => {
  const hold = step(10, "h1", "hold", set, ["r4"], { detail: "replicasets" });
  const resume = step(20, "h2", "resume", set, ["h1", "r9"], { detail: "replicasets" });
  const acts = step(24, "r10", "create", pod("c"), ["h2"], { plan: { create: 1 } });
  expect(turnsAt(historyOf([...first, hold, resume, acts])).at(-1)).toMatchObject({ plan: { create: 1 }, acts: [{ step: { id: "r10" } }] });
  expect(turnsAt(historyOf([...first, hold, resume])).at(-1)?.acts).toEqual([]);
});

test("at the gate waits what was held and not let go, each name once", () => {
  const holds = [step(1, "h1", "hold", set, [], { detail: "replicasets" }), step(2, "h2", "hold", pod("a"), [], { detail: "scheduler" })];
  const names = (steps: Step[]) => waitingAt(historyOf(steps), "replicasets", 99).map((one) => one.step.object.name);
  expect(names(holds)).toEqual(["web"]);
  expect(names([...holds, step(3, "h3", "resume", set, ["h1"], { detail: "replicasets" })])).toEqual([]);
  expect(isHeld(historyOf(holds, { replicasets: "0" }).now, "replicasets")).toBe(true);
  expect(isHeld(historyOf(holds).now, "replicasets")).toBe(false);
});

test("the lit part of the ring follows the moment: it acts, rests, or waits at the gate", () => {
  const history = historyOf(first);
  const turns = turnsAt(history);
  const stage = (waits: boolean, going: boolean) => stageOf(history.now, "replicasets", turns, waits, going);
  expect([stage(false, true), stage(false, false), stage(true, false)]).toEqual(["act", "rest", "queue"]);
});

test("a turn goes on for a while as time passes; where time stands still it is over as soon as something else was done", () => {
  const turn = turnsAt(historyOf(first)).at(-1) as Turn;
  const [own, other] = [first.at(-1), step(10, "r9", "update status", pod("a"), [], { component: "kubelet" })].map((one) => ({ seq: 9, time: 0, step: one as Step }));
  const going = (newest: StepAt | undefined, ms: number, passes: boolean) => goesOn(turn, newest, start + ms, passes);
  expect([going(other, 100, true), going(own, 5_000, true), going(own, 9, false), going(other, 10, false)]).toEqual([true, false, true, false]);
});

test("who did a step is told by the room in which it was decided, or by its plan where rooms share one", () => {
  const shared = { source: "kube/operator/ownership.go:83" };
  expect(loopOf(step(0, "r1", "patch", set, [], { ...shared, plan: { release: ["a"], create: 1 } }))).toBe("replicasets");
  expect(loopOf(step(0, "r1", "patch", set, [], { ...shared, plan: { current: "web-1" } }))).toBe("deployments");
  expect(loopOf(step(0, "r1", "update", set, [], { source: "kube/deployments/operator.go:164" }))).toBe("deployments");
  expect(loopOf(asked)).toBeUndefined();
});

test("a plan is told in words, whichever loop made it", () => {
  expect(itemsOf("replicasets", { release: ["a"], create: 2, delete: [{ pod: "b", why: "is not ready" }] }).map(({ does, what, why }) => `${does} ${what}: ${why}`)).toEqual([
    "release a: it no longer matches the selector",
    "create 2 pods: they are missing",
    "delete b: it is not ready",
  ]);
  expect(itemsOf("deployments", { current: "web-2", changes: [{ set: "web-1", from: 3, to: 2 }, { set: "web-2", from: 1, to: 1 }] }).map(({ why }) => why)).toEqual(["from 3 to 2: the old version"]);
  expect(itemsOf("scheduler", { node: "n1", verdicts: [{ node: "n1", total: 9 }, { node: "n2", why: ["full"] }, { node: "n3", total: 4 }] }).map(({ does }) => does)).toEqual(["bind", "no", "fits"]);
  expect(itemsOf("replicasets", { create: 0 })).toEqual([]);
});

test("a pod of another set that had the name before is not counted", () => {
  const history = historyOf(first);
  const [last, body] = [history.last, { metadata: { name: "web", namespace: "default", uid: "second" }, spec: { replicas: 2 } }];
  expect(numbersOf(history.now, "replicasets", set)).toEqual({ wanted: 3, current: 2 });
  history.append([{ seq: last + 1, time: at(100), gone: set }, { seq: last + 2, time: at(100), object: { ref: set, revision: 40, body } }]);
  expect(numbersOf(history.now, "replicasets", set)).toEqual({ wanted: 2, current: 0 });
});

test("what waits at a gate is said, for its loop has yet to look whether there is anything to do", () => {
  const waits = { name: "web", gate: "replicasets" };
  expect([difference({ wanted: 3, current: 3 }, waits), difference({ wanted: 5, current: 1 }, waits)]).toEqual(["web waits at the gate of replicasets", "5 − 1 = 4 missing; web waits at the gate of replicasets"]);
});

test("wanted and current make one sentence", () => {
  expect([difference({ wanted: 5, current: 1 }), difference({ wanted: 2, current: 5 }), difference({ wanted: 3, current: 3 })]).toEqual(["5 − 1 = 4 missing", "5 − 2 = 3 too many", "as wanted: nothing to do"]);
});
