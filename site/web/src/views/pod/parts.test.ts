import { expect, test } from "vitest";
import { History } from "../../lib/model";
import type { Fact, Pod, Ref, Step } from "../../lib/types";
import { livesOf, type Life } from "../stage/lives";
import { neighbours, partsOf } from "./parts";

const web: Ref = { resource: "pods", namespace: "default", name: "web" };
const time = "2026-11-21T10:00:00Z";
const running = { running: { startedAt: time } };

function container(name: string, numbers: Record<string, number>): Fact {
  return { about: `container/default/web/${name}`, data: { id: name, pid: 1, namespaces: Object.fromEntries(Object.entries(numbers).map(([kind, inode]) => [kind, { inode }])) } };
}

function did(verb: string, detail = ""): Step {
  return { id: verb, time, component: "runtime", host: "node-1", verb, object: web, detail, root: "event" };
}

function show(facts: Fact[], steps: Step[] = [], pod: Partial<Pod["status"]> = {}) {
  const body: Pod = {
    metadata: { name: "web", namespace: "default" },
    spec: { nodeName: "node-1", containers: [{ name: "server", image: "busybox", volumeMounts: [{ name: "data", mountPath: "/srv" }] }, { name: "visitor", image: "busybox" }], volumes: [{ name: "data", emptyDir: {} }] },
    status: { containerStatuses: [{ name: "server", ready: true, restartCount: 2, state: running }, { name: "visitor", ready: false, restartCount: 0, state: { waiting: { reason: "ContainerCreating" } } }], ...pod },
  };
  const history = new History({ seq: 1, time, cluster: "c", objects: [{ ref: web, revision: 1, body }], facts, steps });
  return partsOf(history.now, livesOf(history, web, 1)[0] as Life, body);
}

test("equal numbers are one namespace with a line to each container; other numbers are another", () => {
  const parts = show([container("server", { net: 1, uts: 2, ipc: 3, pid: 4, mnt: 5 }), container("visitor", { net: 1, uts: 2, ipc: 30, pid: 6, mnt: 7 })], [did("create netns")]);
  expect(parts.shared.map(({ kind, inode, holders }) => [kind, inode, holders])).toEqual([
    ["net", 1, ["server", "visitor"]],
    ["uts", 2, ["server", "visitor"]],
    ["ipc", 3, ["server"]],
    ["ipc", 30, ["visitor"]],
  ]);
  expect(parts.containers.map(({ own }) => own.map(({ inode }) => inode))).toEqual([[4, 5], [6, 7]]);
});

test("localhost joins the containers of one network namespace, and nobody else", () => {
  expect(neighbours(show([container("server", { net: 1 }), container("visitor", { net: 1 })], [did("create netns")]))).toEqual([["server", "visitor"]]);
  expect(neighbours(show([container("server", { net: 1 }), container("visitor", { net: 9 })], [did("create netns")]))).toEqual([]);
});

test("a sandbox is there before its first container, and without a container there are no numbers", () => {
  const parts = show([], [did("create netns"), did("attach veth", "10.244.1.2: eth0 in the pod, pod2 on the node")]);
  expect(parts.sandbox).toMatchObject({ state: "made", ip: "10.244.1.2", veth: "pod2" });
  expect(parts.shared.map(({ kind, inode }) => [kind, inode])).toEqual([["net", undefined], ["uts", undefined], ["ipc", undefined]]);
  expect(show([]).sandbox.state).toBe("none");
});

test("a sandbox whose shim was stopped is gone, and its address with it", () => {
  expect(show([], [did("create netns"), did("attach veth", "10.244.1.2: eth0 in the pod, pod2 on the node"), did("stop shim")], { podIP: "10.244.1.2" }).sandbox).toMatchObject({ state: "gone", ip: undefined });
});

test("a container is what its status says, with its restarts and its mounts", () => {
  const parts = show([]);
  expect(parts.containers.map(({ state, restarts }) => [state, restarts])).toEqual([["ready", 2], ["waits", 0]]);
  expect(parts.volumes).toEqual([{ name: "data", kind: "emptyDir", holders: ["server"] }]);
});

test("a process that the runtime has started or seen exit is told so before its pod's status says it", () => {
  const says = (...steps: Step[]) => show([], steps).containers.map(({ state, says, onNode }) => `${state}: ${says} ${onNode ?? ""}`.trim());
  expect(says(did("start process", "visitor, pid 56"))).toEqual(["ready: runs, ready", "runs: runs, not reported yet 56"]);
  expect(says(did("process exited", "server, exit code 3"))).toEqual(["ended: ended: exit code 3", "waits: waits: ContainerCreating"]);
});
