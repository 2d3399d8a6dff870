import { expect, test } from "vitest";
import { History } from "../../lib/model";
import type { Frame, KubeObject, Ref, Step } from "../../lib/types";
import { livesOf, type Life } from "../stage/lives";
import { askedForCounts, boundCounts, linesOf, readyCounts, stairs, wantedCounts } from "./lives";

const start = Date.parse("2026-11-21T10:00:00Z");
const at = (ms: number) => new Date(start + ms).toISOString();
const set: Ref = { resource: "replicasets", namespace: "default", name: "web" };
const pod = (name: string): Ref => ({ resource: "pods", namespace: "default", name });

/** Writes an object at so many milliseconds: a step, and the version that it made. */
class Story {
  readonly frames: Frame[] = [];
  revision = 1;

  write(ms: number, ref: Ref, body: Partial<KubeObject> & { [field: string]: unknown }, step: Partial<Step> = {}, meta: object = {}): this {
    this.revision++;
    const one: Step = { id: `r${this.revision}`, time: at(ms), component: "controllers", verb: "patch", object: ref, revision: this.revision, ...step };
    this.frames.push({ seq: this.frames.length + 1, time: at(ms), step: one });
    this.frames.push({ seq: this.frames.length + 1, time: at(ms + 1), object: { ref, revision: this.revision, body: { ...body, metadata: { name: ref.name, namespace: "default", uid: ref === set ? "s" : ref.name, ...meta } } } });
    return this;
  }

  pod(ms: number, name: string, spec: { ready?: boolean; restarts?: number; node?: string; owned?: boolean; leaving?: boolean; uid?: string; owner?: string } = {}, step: Partial<Step> = {}): this {
    const { ready = false, restarts = 0, node = "node-1", owned = true, leaving = false, uid = name, owner = "s" } = spec;
    const status = { phase: ready ? "Running" : "Pending", conditions: [{ type: "Ready", status: ready ? "True" : "False" }], containerStatuses: [{ name: "c", ready, restartCount: restarts }] };
    return this.write(ms, pod(name), { spec: { nodeName: node || undefined, containers: [] }, status }, step, { uid, ...(owned && { ownerReferences: [{ kind: "ReplicaSet", name: "web", uid: owner, controller: true }] }), ...(leaving && { deletionTimestamp: at(ms) }) });
  }

  gone(ms: number, name: string, ref = pod(name)): this {
    this.frames.push({ seq: this.frames.length + 1, time: at(ms), gone: ref });
    return this;
  }

  history(): History {
    const metadata = { name: "web", namespace: "default", uid: "s", creationTimestamp: at(-1_000) };
    const objects = [{ ref: set, revision: 1, body: { metadata, spec: { replicas: 3 } } }];
    const history = new History({ seq: 0, time: at(0), cluster: "c", objects, facts: [], steps: [] });
    history.append(this.frames);
    return history;
  }
}

/** The lines of the set that has the name at a moment, or of the nth before it. */
function lines(story: Story, ms = 60_000, seq = Infinity, before = 0) {
  const history = story.history();
  const owner = livesOf(history, set, seq)[before];
  return owner ? linesOf(history, history.at(seq), owner, start + ms) : [];
}

const wanted = (story: Story) => wantedCounts(story.history(), livesOf(story.history(), set, Infinity)[0] as Life).map(({ time, value }) => [rel(time), value]);
const rel = (time: number) => Math.round(time - start);

test("a line is thick while its pod is ready, and ends when nothing is left", () => {
  const story = new Story().pod(0, "a", { node: "" }, { verb: "create", detail: "wanted 3, have 0" }).pod(10, "a").pod(200, "a", { ready: true }).pod(5_000, "a", { ready: true, leaving: true }).gone(6_000, "a");
  const [line] = lines(story);
  expect(line?.spans.map(({ phase, from, to }) => [phase, rel(from), rel(to)])).toEqual([["unbound", 0, 10], ["starting", 10, 200], ["ready", 200, 5_000], ["leaving", 5_000, 6_000]]);
  expect(line?.events[0]).toMatchObject({ kind: "made", says: "wanted 3, have 0" });
});

test("who ended a pod is told with the reason: a person, or the rule of a loop", () => {
  const said = (step: Partial<Step>) => lines(new Story().pod(0, "a").pod(9, "a", { leaving: true }, step))[0]?.events.find(({ kind }) => kind === "asked")?.says;
  expect(said({ component: "alice", detail: "kubectl/v1" })).toBe("deleted by a person");
  expect(said({ detail: "wanted 2, have 5: a has been ready for a shorter time" })).toBe("wanted 2, have 5: a has been ready for a shorter time");
});

test("a pod that is released and adopted again is one line, not its own in between", () => {
  const [line] = lines(new Story().pod(0, "a", { ready: true }).pod(100, "a", { ready: true, owned: false }).pod(200, "a", { ready: true }));
  expect(line?.spans.map(({ phase }) => phase)).toEqual(["ready", "foreign", "ready"]);
  expect(line?.events.map(({ kind }) => kind)).toEqual(["made", "released", "adopted"]);
});

test("a restart is a mark on the same line, a pod that was never one of its own is none", () => {
  const story = new Story().pod(0, "a", { ready: true }).pod(50, "a", { ready: true, restarts: 1 }).pod(60, "b", { owned: false });
  expect(lines(story).map((line) => [line.pod.name, line.events.map(({ kind }) => kind)])).toEqual([["a", ["made", "restarted"]]]);
});

test("a name that is given to another pod is another line", () => {
  expect(lines(new Story().pod(0, "a").gone(10, "a").pod(20, "a", { uid: "second" })).map(({ made, gone }) => [rel(made), gone && rel(gone)])).toEqual([[0, 10], [20, undefined]]);
});

test("the ready are counted from the lines, the wanted from the object", () => {
  const story = new Story().write(0, set, { spec: { replicas: 2 } }).pod(0, "a", { ready: true }).pod(10, "b", { ready: true }).pod(30, "a", { ready: false }).write(40, set, { spec: { replicas: 5 } });
  expect(readyCounts(lines(story, 100)).map(({ time, value }) => [rel(time), value])).toEqual([[0, 1], [10, 2], [30, 1]]);
  expect(wanted(story)).toEqual([[-1_000, 3], [0, 2], [40, 5]]);
});

test("a pod counts as asked for from its creation until it is being ended", () => {
  const story = new Story().pod(0, "a", { node: "" }).pod(10, "a").pod(20, "a", { ready: true }).pod(30, "b").pod(40, "a", { ready: true, leaving: true });
  expect(askedForCounts(lines(story, 100)).map(({ time, value }) => [rel(time), value]).filter(([, value], i, all) => i === 0 || all[i - 1]?.[1] !== value)).toEqual([[0, 1], [30, 2], [40, 1]]);
});

const bounds = (spec: object) => {
  const deployment: Ref = { resource: "deployments", namespace: "default", name: "shop" };
  const history = new Story().write(0, deployment, { spec }, {}, { uid: "d" }).history();
  const { most, least } = boundCounts(history, livesOf(history, deployment, Infinity)[0] as Life);
  return [most[0]?.value, least[0]?.value];
};

test("the lines of a roll-out are the surge above and what may be missing below, rounded in favour of those who are served", () => {
  const rolling = (maxSurge?: number | string, maxUnavailable?: number | string) => ({ strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } } });
  expect(bounds({ replicas: 4, ...rolling(1, 1) })).toEqual([5, 3]);
  expect(bounds({ replicas: 10 })).toEqual([13, 8]);
  expect(bounds({ replicas: 4, ...rolling(0, "10%") })).toEqual([4, 3]);
  expect(bounds({ replicas: 2, ...rolling("100%", 5) })).toEqual([4, 0]);
});

test("who ends all pods before the first new one draws no lines", () => {
  expect(bounds({ replicas: 4, strategy: { type: "Recreate" } })).toEqual([undefined, undefined]);
});

test("a set has its own pods and its own number, not those of another one that had its name before", () => {
  const story = new Story().pod(0, "a", { ready: true }).gone(500, "web", set).pod(600, "a", { ready: true, leaving: true }).gone(700, "a");
  story.write(900, set, { spec: { replicas: 2 } }, { verb: "create" }, { uid: "second" }).pod(910, "b", { ready: true, owner: "second" });
  expect(lines(story).map(({ pod: { name } }) => name)).toEqual(["b"]);
  expect(lines(story, 60_000, Infinity, 1).map(({ pod: { name } }) => name)).toEqual(["a"]);
  expect(wanted(story)).toEqual([[900, 2]]);
});

test("a set that is deleted wants none from then on", () => {
  expect(wanted(new Story().gone(500, "web", set))).toEqual([[-1_000, 3], [500, 0]]);
});

test("a time that was told late by another clock does not turn a line back", () => {
  const story = new Story().pod(0, "a").pod(200, "a", { ready: true }).pod(190, "a", { ready: false });
  expect(readyCounts(lines(story)).every(({ value }) => value >= 0)).toBe(true);
});

test("nothing that comes after the chosen moment is in the picture", () => {
  expect(lines(new Story().pod(0, "a").pod(50, "b"), 10, 2).map((line) => line.pod.name)).toEqual(["a"]);
});

test("a number stays until it changes, from edge to edge", () => {
  expect(stairs([{ time: 0, value: 1 }, { time: 5, value: 3 }], 2, 10, (t) => t, (v) => v)).toBe("M2 1H5V3H10");
});
