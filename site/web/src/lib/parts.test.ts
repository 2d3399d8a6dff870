import { describe, expect, it } from "vitest";
import { madeRecording } from "../dev/recording";
import { liveClock, nextStep, pause, previousStep, play, scrub, tick, withSpeed } from "./clock";
import { actor, isNews, whoOf } from "./component";
import { diffLines, diffObjects } from "./diff";
import { History } from "./model";
import { keyOf, parseKey } from "./ref";
import { endpointsOf, list, ownerChain, podHealth, podsOf } from "./select";
import { duration, millis } from "./time";
import type { Service } from "./types";

function history(): History {
  const { snapshot, frames } = madeRecording();
  const all = new History(snapshot);
  all.append(frames);
  return all;
}

describe("clock", () => {
  it("follows the end while it is live, and stays while it is paused", () => {
    const all = history();
    const live = tick(liveClock, all, 16, false);
    expect(live.seq).toBe(all.last);
    const past = scrub(live, all, all.first + 5);
    expect(tick(past, all, 1000, false)).toEqual(past);
  });

  it("shows a tenth of the time at a tenth of the speed", () => {
    const all = history();
    const from = nextStep(all, all.first) as number;
    const start = withSpeed(play(scrub(liveClock, all, from), all, true), 0.1);
    const after = tick(start, all, 1000, true);
    expect(after.time - start.time).toBeCloseTo(100, 0);
    expect(after.seq).toBeLessThan(all.last);
    expect(after.seq).toBeGreaterThan(from);
  });

  it("goes by hand from step to step, each with the object that it wrote, and the same way back", () => {
    const all = history();
    const there: number[] = [];
    for (let seq = nextStep(all, all.first); seq !== undefined; seq = nextStep(all, seq)) there.push(seq);
    expect(there).toHaveLength(all.steps.filter(({ seq }) => seq > all.first).length);
    const writes = there.map((seq) => all.between(seq - 1, seq + 1)).filter(([frame]) => frame?.step?.revision !== undefined);
    expect(writes.filter(([frame, next]) => next?.object?.revision === frame?.step?.revision)).toEqual([]);
    expect(there.some((seq) => all.between(seq - 1, seq)[0]?.object)).toBe(true);
    const back: number[] = [];
    for (let seq = previousStep(all, all.last + 1); seq !== undefined; seq = previousStep(all, seq)) back.push(seq);
    expect(back).toEqual(there.toReversed());
  });

  it("passes over a time in which nothing happens, but never over a step", () => {
    const all = history();
    let clock = play(scrub(liveClock, all, all.first), all, true);
    const seen: number[] = [];
    for (let ms = 0; ms < 20_000 && clock.mode === "playing"; ms += 16) {
      const after = tick(clock, all, 16, true);
      for (const { seq } of all.between(clock.seq, after.seq)) {
        seen.push(seq);
        expect(after.time - all.timeOf(seq)).toBeLessThanOrEqual(16);
      }
      clock = after;
    }
    expect(seen).toEqual(all.between(all.first, all.last).map((f) => f.seq));
  });

  it("ends a recording paused at its end, and goes live at the end of what is live", () => {
    const all = history();
    const late = { ...play(scrub(liveClock, all, all.last - 1), all, true), time: all.lastTime - 1 };
    expect(tick(late, all, 100, true)).toMatchObject({ mode: "paused", seq: all.last });
    expect(tick(late, all, 100, false)).toMatchObject({ mode: "live", seq: all.last });
    expect(tick(withSpeed(late, 0.1), all, 100, false)).toMatchObject({ mode: "playing", seq: all.last });
  });

  it("falls behind when a slow speed is chosen while all is live, and begins anew when the end of a recording is played", () => {
    const all = history();
    expect(withSpeed(liveClock, 0.1).mode).toBe("playing");
    expect(withSpeed(liveClock, 4).mode).toBe("live");
    expect(play(pause(scrub(liveClock, all, all.last)), all, true).seq).toBe(all.first);
  });
});

describe("selectors", () => {
  it("find the pods of a node, a pod's owners and a service's endpoints", () => {
    const { now } = history();
    const [pod] = podsOf(now, "node-1");
    expect(pod && podHealth(pod)).toBe("ready");
    expect(pod && ownerChain(now, { resource: "pods", namespace: "default", name: pod.metadata.name }).map((r) => r.resource)).toEqual(["pods", "replicasets", "deployments"]);
    const [service] = list(now, "services") as Service[];
    expect(service && endpointsOf(now, service).map((e) => e.node)).toEqual(["node-1", "node-2"]);
  });
});

describe("diff", () => {
  it("shows added and removed lines, what they lie under, and skips what is far", () => {
    const body = (nodeName?: string) => ({ metadata: { name: "p", resourceVersion: nodeName ?? "" }, spec: { a: 1, b: 2, c: 3, d: 4, e: 5, ...(nodeName && { nodeName }) } });
    const lines = diffObjects(body(), body("node-1"));
    expect(lines.filter((l) => l.kind === "added").map((l) => l.text)).toEqual(["  nodeName: node-1"]);
    expect(lines.map((l) => l.text)).toContain("spec:");
    expect(lines.some((l) => l.kind === "skipped")).toBe(true);
    expect(diffObjects(body("x"), body("x"))).toEqual([]);
  });

  it("loses no line of either side", () => {
    const [a, b] = [["1", "2", "3", "4", "5"], ["0", "2", "4", "3", "5", "6"]];
    const lines = diffLines(a, b);
    expect(lines.filter((l) => l.kind !== "added").map((l) => l.text)).toEqual(a);
    expect(lines.filter((l) => l.kind !== "removed").map((l) => l.text)).toEqual(b);
  });
});

describe("names and times", () => {
  it("are read as they are written", () => {
    for (const key of ["pods/default/web-1", "nodes/node-1"]) expect(keyOf(parseKey(key) ?? { resource: "", name: "" })).toBe(key);
    expect(parseKey("pods")).toBeUndefined();
    expect(parseKey("a/b/c/d")).toBeUndefined();
  });

  it("keep the microseconds", () => {
    expect(millis("2026-03-02T09:00:00.000250Z") - millis("2026-03-02T09:00:00Z")).toBeCloseTo(0.25, 3);
    expect(millis("2026-03-02T10:00:00.5+01:00")).toBe(millis("2026-03-02T09:00:00.500Z"));
    expect([0.25, 38.4, 1240, 65_000].map(duration)).toEqual(["0.3 ms", "38 ms", "1.24 s", "1 min 05 s"]);
  });

  it("of requests tell a person's from the lab's own bookkeeping", () => {
    const asked = { id: "1", time: "", component: "kubelab-admin", verb: "update", root: "request" as const };
    const progress = { resource: "configmaps", namespace: "kubelab", name: "progress" };
    expect(isNews({ ...asked, object: progress, detail: "kube/v0.1" })).toBe(false);
    expect(isNews({ ...asked, object: progress, detail: "kubectl/v1.37.2" })).toBe(true);
    expect(isNews({ ...asked, object: { resource: "pods", name: "p" }, detail: "server" })).toBe(true);
    expect(isNews({ id: "2", time: "", component: "kubelet", verb: "exit", root: "event", object: { resource: "pods", name: "p" } })).toBe(true);
    expect(isNews({ id: "3", time: "", component: "kubelet", verb: "wait", root: "clock", object: { resource: "timers", name: "p" } })).toBe(false);
  });

  it("of components are of one kind each, and who is none of them is a person", () => {
    expect(["kubelet", "controllers", "kubelab-admin", "apiserver", "alice"].map(whoOf)).toEqual(["kubelet", "controllers", "person", "apiserver", "person"]);
    expect(actor({ id: "1", time: "", component: "controllers", verb: "create", object: { resource: "pods", name: "p" }, source: "kube/replicasets/operator.go:71" })).toBe("controllers/replicasets");
  });
});
