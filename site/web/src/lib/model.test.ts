import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeRecording } from "../dev/recording";
import { apply, History, stateOf, type Limits, type State } from "./model";
import type { Frame, Ref, Snapshot } from "./types";

const empty: Snapshot = { seq: 0, time: "2026-01-01T00:00:00Z", cluster: "c", objects: null, facts: null, steps: null };
const small: Limits = { frames: 40, checkpoint: 7, steps: 5 };

/** Any frames: few names, so that objects are written again and go. */
const anyFrames = fc.array(fc.record({ kind: fc.constantFrom("object", "gone", "fact", "none", "step"), name: fc.constantFrom("a", "b", "c"), after: fc.nat(50) }), { maxLength: 120, size: "max" }).map((shapes) => {
  let at = Date.parse(empty.time);
  return shapes.map(({ kind, name, after }, i): Frame => {
    at += after;
    const [seq, ref]: [number, Ref] = [i + 1, { resource: "pods", namespace: "default", name }];
    const frame = { seq, time: new Date(at).toISOString() };
    if (kind === "object") return { ...frame, object: { ref, revision: seq, body: { metadata: { name, resourceVersion: String(seq) } } } };
    if (kind === "gone") return { ...frame, gone: ref };
    if (kind === "step") return { ...frame, step: { id: `s${seq}`, time: frame.time, component: "kubelet", verb: "decide", object: ref, ...(seq > 1 && { causes: [`s${seq - 1}`] }) } };
    return { ...frame, fact: { about: `host/${name}`, data: kind === "fact" ? { seq } : null } };
  });
});

const plain = (state: State) => ({ ...state, objects: [...state.objects].sort(), facts: [...state.facts].sort() });

describe("history", () => {
  it("shows at a frame what applying the frames up to it anew gives, in whatever pieces they came, and also after the oldest were dropped", () => {
    fc.assert(
      fc.property(anyFrames, fc.nat(), fc.integer({ min: 1, max: 30 }), (frames, any, piece) => {
        const history = new History(empty, small);
        for (let i = 0; i < frames.length; i += piece) expect(history.append(frames.slice(i, i + piece))).toBe(true);
        const n = history.first + (any % (history.last - history.first + 1));
        expect(plain(history.at(n))).toEqual(plain(apply(stateOf(empty), frames.slice(0, n))));
        expect(history.at(n).seq).toBe(n);
      }),
      { numRuns: 300 },
    );
  });

  it("shows the same moment the same way after one went elsewhere and came back", () => {
    const { snapshot, frames } = madeRecording();
    const history = new History(snapshot, { ...small, frames: 10_000 });
    history.append(frames);
    const there = plain(history.at(130));
    history.at(180);
    history.at(105);
    expect(plain(history.at(130))).toEqual(there);
  });

  it("keeps no more frames than allowed, and no step or version that only these needed", () => {
    const history = new History(empty, small);
    const frames = Array.from({ length: 500 }, (_, i): Frame => {
      const [seq, time] = [i + 1, new Date(Date.parse(empty.time) + i).toISOString()];
      const ref = { resource: "pods", namespace: "default", name: `p${i % 50}` };
      if (i % 2) return { seq, time, step: { id: `s${seq}`, time, component: "kubelet", verb: "decide", object: ref } };
      return i % 4 ? { seq, time, gone: ref } : { seq, time, object: { ref, revision: seq, body: { metadata: { name: ref.name } } } };
    });
    for (const frame of frames) history.append([frame]);
    expect(history.last - history.first).toBeLessThanOrEqual(small.frames);
    expect(history.steps.length).toBeLessThanOrEqual(small.frames + small.steps);
    expect(history.step("s2")).toBeUndefined();
    expect(history.step("s500")).toBeDefined();
    expect(history.versionsOf({ resource: "pods", namespace: "default", name: "p0" }).length).toBeLessThan(4);
  });

  it("refuses frames after a gap and changes nothing, and takes those that it has twice only once", () => {
    const { snapshot, frames } = madeRecording();
    const history = new History(snapshot);
    expect(history.append(frames.slice(0, 10))).toBe(true);
    expect(history.append(frames.slice(12, 20))).toBe(false);
    expect(history.last).toBe(snapshot.seq + 10);
    expect(history.append(frames.slice(5, 20))).toBe(true);
    expect(history.last).toBe(snapshot.seq + 20);
    expect(history.steps.length).toBe(new Set(history.steps.map((s) => s.step.id)).size);
  });

  it("finds the frame of a time, and never goes back in time where frames' times do", () => {
    const history = new History(empty);
    const at = (ms: number) => new Date(Date.parse(empty.time) + ms).toISOString();
    history.append([10, 30, 20, 40].map((ms, i) => ({ seq: i + 1, time: at(ms), gone: { resource: "pods", name: "p" } })));
    const start = Date.parse(empty.time);
    expect([5, 10, 29, 30, 39, 99].map((ms) => history.seqAt(start + ms))).toEqual([0, 1, 1, 3, 3, 4]);
    expect(history.timeOf(3)).toBe(start + 30);
  });

  it("tells what a step's write changed", () => {
    const { snapshot, frames } = madeRecording();
    const history = new History(snapshot);
    history.append(frames);
    const bound = history.steps.find(({ step }) => step.verb === "create binding")?.step;
    const change = bound && history.change(bound);
    expect(change?.before?.spec).not.toHaveProperty("nodeName");
    expect(change?.after?.spec).toHaveProperty("nodeName", "node-1");
    const deleted = history.steps.find(({ step }) => step.verb === "delete")?.step;
    const gone = deleted && history.change(deleted);
    expect(gone?.before).toBeDefined();
    expect(gone?.after).toBeUndefined();
  });

  it("knows what a step set off, and the steps on an object, up to a moment only", () => {
    const { snapshot, frames } = madeRecording();
    const history = new History(snapshot);
    history.append(frames);
    const first = history.steps.find(({ step }) => step.root === "request" && step.object.resource === "deployments");
    expect(first && history.effectsOf(first.step.id).map(({ step }) => step.object.resource)).toEqual(["replicasets"]);
    expect(first && history.effectsOf(first.step.id, first.seq)).toEqual([]);
    const pod = [...history.now.objects.values()].find((o) => o.ref.resource === "pods")?.ref as Ref;
    const all = history.stepsOf(pod);
    expect(all.map(({ step }) => step.verb)).toContain("attach veth");
    expect(history.stepsOf(pod, all[0]?.seq).length).toBe(1);
  });
});
