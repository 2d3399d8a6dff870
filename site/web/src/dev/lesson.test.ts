import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { diffObjects } from "../lib/diff";
import { History } from "../lib/model";
import { endpointsOf, factsAbout, hosts, list, nodeReady, ownerChain, podHealth, podsOf, processes } from "../lib/select";
import type { ContainerFact, Service } from "../lib/types";
import { rowsOf } from "../lib/why";
import { readRecording } from "./lesson";

// What a real cluster sent: a Deployment of three with a Service, of which one pod was deleted and one container killed, and that was then scaled to two.
describe("a real recording", () => {
  let history: History;
  beforeAll(async () => {
    const { snapshot, frames } = await readRecording(new Uint8Array(await readFile("src/dev/lesson.kube")));
    history = new History(snapshot);
    expect(history.append(frames)).toBe(true);
  });

  it("has the fields that the pictures read", () => {
    const { now } = history;
    const nodes = list(now, "nodes");
    expect(nodes.map((node) => [node.metadata.name, nodeReady(node)])).toEqual([1, 2, 3].map((n) => [`node-${n}`, true]));
    const pods = nodes.flatMap((node) => podsOf(now, node.metadata.name));
    expect(pods.map(podHealth)).toEqual(["ready", "ready"]);
    expect(ownerChain(now, { resource: "pods", namespace: "default", name: pods[0]?.metadata.name ?? "" }).map((ref) => ref.resource)).toEqual(["pods", "replicasets", "deployments"]);
    const service = list(now, "services").find(({ metadata }) => metadata.name === "web") as Service;
    expect(endpointsOf(now, service).map(({ address }) => address).sort()).toEqual(pods.map((pod) => pod.status?.podIP).sort());
  });

  it("has the facts that the pictures read", () => {
    const { now } = history;
    expect(hosts(now).map(({ name, state }) => `${name} ${state}`)).toEqual(["control-plane up", "node-1 up", "node-2 up", "node-3 up"]);
    expect(processes(now).filter(({ host, up }) => up && host === "node-2").map(({ component }) => component)).toEqual(["dns", "kubelet", "proxy", "runtime"]);
    const containers = factsAbout<ContainerFact>(now, "container");
    expect(containers.length).toBe(2);
    for (const [, { namespaces, processes: all }] of containers) {
      expect(namespaces?.net?.host).toBeUndefined();
      expect(namespaces?.user?.host).toBe(true);
      expect(all?.[0]?.inner).toBe(1);
    }
  });

  it("tells of each write that it holds what it changed, and a chain without a gap", () => {
    const written = history.steps.filter(({ seq, step }) => seq > history.first && step.revision !== undefined && step.object.resource === "pods");
    expect(written.length).toBeGreaterThan(8);
    for (const { step } of written) {
      const change = history.change(step);
      expect([step.verb, change !== undefined]).toEqual([step.verb, true]);
      expect(diffObjects(change?.before, change?.after).length).toBeGreaterThan(0);
    }
    const rows = rowsOf(history.steps.filter(({ seq }) => seq > history.first).map(({ step }) => step));
    expect(rows.filter((row) => row.unknown > 0 && row.causes.length === 0 && !row.step.root).map((row) => row.step.id)).toEqual([]);
  });
});
