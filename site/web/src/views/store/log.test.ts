import { describe, expect, it } from "vitest";
import { History } from "../../lib/model";
import type { Frame, KubeObject, Ref, Step } from "../../lib/types";
import { briefPath, changesBetween, compared, counterAt, lastBody, storeKey, wokenBy, writesUpTo, writtenObjects, type Entry } from "./log";

const notes: Ref = { resource: "configmaps", namespace: "default", name: "notes" };
const web: Ref = { resource: "pods", namespace: "default", name: "web" };
const time = (second: number) => `2026-03-02T09:00:${String(second).padStart(2, "0")}Z`;
const body = (revision: number, data: object): KubeObject => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "notes", namespace: "default", resourceVersion: String(revision) }, data });
const write = (revision: number, verb: string, object: Ref, more: Partial<Step> = {}): Step => ({ id: `r${revision}`, time: time(revision), component: "kubelab-admin", verb, object, root: "request", revision, ...more });

/** notes is made, changed and deleted; between, a pod is bound and its kubelet looks at it. */
function story(): History {
  const history = new History({ seq: 0, time: time(0), cluster: "c", objects: null, facts: null, steps: null });
  const frames: Omit<Frame, "seq" | "time">[] = [
    { step: write(10, "create", notes) },
    { object: { ref: notes, revision: 10, body: body(10, { image: "v1", replicas: "3" }) } },
    { step: write(14, "create binding", web, { component: "scheduler" }) },
    { step: write(12, "patch", notes) },
    { object: { ref: notes, revision: 12, body: body(12, { image: "v2", replicas: "3" }) } },
    { step: { id: "k1", time: time(15), component: "kubelet", host: "node-1", verb: "decide", object: web, causes: ["r14"] } },
    { step: write(16, "patch status", web, { component: "controllers", causes: ["r14"] }) },
    { step: write(18, "delete", notes) },
    { gone: notes },
  ];
  history.append(frames.map((frame, i): Frame => ({ seq: i + 1, time: time(i + 1), ...frame })));
  return history;
}

describe("the store's log", () => {
  it("is in the order of the revisions, whatever the order in which one heard of them, and ends at the moment", () => {
    expect(writesUpTo(story(), 5, undefined).map(({ revision }) => revision)).toEqual([10, 12, 14]);
    expect(writesUpTo(story(), 9, undefined, 2).map(({ revision }) => revision)).toEqual([16, 18]);
  });

  it("can be that of one object", () => {
    expect(writesUpTo(story(), 9, notes).map(({ revision, was }) => [revision, was])).toEqual([[10, undefined], [12, 10], [18, 12]]);
  });

  it("leaves out what the lab keeps for itself, unless it is asked for that", () => {
    const history = story();
    const progress: Ref = { resource: "configmaps", namespace: "kubelab", name: "progress" };
    history.append([{ seq: 10, time: time(20), step: write(20, "update", progress, { detail: "kube/v0.1" }) }]);
    expect(writesUpTo(history, 10, undefined).map(({ revision }) => revision)).toEqual([10, 12, 14, 16, 18]);
    expect(writtenObjects(history, 10).map(({ name }) => name)).not.toContain("progress");
    expect(writesUpTo(history, 10, progress).map(({ revision }) => revision)).toEqual([20]);
  });

  it("says of a write what it changed", () => {
    expect(writesUpTo(story(), 9, notes)[1]?.changes).toEqual([{ path: "data.image", from: "v1", to: "v2" }]);
  });

  it("has a counter that no write is above", () => {
    const history = story();
    expect(counterAt(history.at(5), writesUpTo(history, 5, notes))).toBe(12);
    expect(counterAt(history.at(9), writesUpTo(history, 9, undefined))).toBe(18);
  });

  it("knows objects that are gone, the last written first", () => {
    expect(writtenObjects(story(), 9).map(({ name }) => name)).toEqual(["notes", "web"]);
    expect(writtenObjects(story(), 1).map(({ name }) => name)).toEqual(["notes"]);
    expect(lastBody(story(), notes, 9)?.metadata.resourceVersion).toBe("12");
  });
});

describe("what is different", () => {
  const pod = (conditions: object[]): KubeObject => ({ metadata: { name: "web", resourceVersion: String(conditions.length) }, status: { conditions } });

  it("goes field by field, and an item of a list by its type or name", () => {
    const before = pod([{ type: "Ready", status: "False", lastTransitionTime: "1" }]);
    const after = pod([{ type: "Initialized", status: "True" }, { type: "Ready", status: "True", lastTransitionTime: "2" }]);
    expect(changesBetween(before, after)).toEqual([
      { path: "status.conditions[Initialized].status", to: "True" },
      { path: "status.conditions[Ready].status", from: "False", to: "True" },
    ]);
  });

  it("is not told of an object that is new or gone", () => {
    expect([changesBetween(undefined, pod([])), changesBetween(pod([]), undefined)]).toEqual([[], []]);
  });

  it("has a short name", () => {
    expect(["data.image", "status.conditions[Ready].status", "status.containerStatuses[main].state.running", "spec.finalizers[0]"].map(briefPath)).toEqual(["image", "Ready status", "main running", "finalizers[0]"]);
  });
});

describe("an object's key", () => {
  it("has its group with its resource, and its namespace if it has one", () => {
    const object = (apiVersion: string): KubeObject => ({ apiVersion, metadata: { name: "x" } });
    expect(storeKey(notes, object("v1"))).toBe("/registry/configmaps/default/notes");
    expect(storeKey({ resource: "deployments", namespace: "shop", name: "web" }, object("apps/v1"))).toBe("/registry/deployments.apps/shop/web");
    expect(storeKey({ resource: "nodes", name: "node-1" }, object("v1"))).toBe("/registry/nodes/node-1");
    expect(storeKey(notes, undefined)).toBeUndefined();
  });
});

describe("before it writes, the store", () => {
  it("compares what the writer relied on", () => {
    const [made, patched, gone] = writesUpTo(story(), 9, notes) as [Entry, Entry, Entry];
    expect(compared(made)).toBe("The store compared: there was no such key.");
    expect(compared(patched)).toBe("The server read the object, applied the patch, and the store compared: the object was still at revision 10.");
    expect(compared(gone)).toBe("The store compared: the object was still at revision 12.");
    expect(compared({ ...gone, was: undefined as never, known: false })).toBe("What was there before is not in the record.");
  });
});

describe("a write wakes", () => {
  it("those who did something because of it, and nobody before he did", () => {
    expect(wokenBy(story(), "r14", 9).map(({ who, host, steps }) => [who, host, steps.length])).toEqual([["controllers", undefined, 1], ["kubelet", "node-1", 1]]);
    expect(wokenBy(story(), "r14", 5)).toEqual([]);
  });
});
