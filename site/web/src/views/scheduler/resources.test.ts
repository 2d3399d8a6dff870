import { describe, expect, it } from "vitest";
import type { State } from "../../lib/model";
import type { ContainerSpec, Node, Pod } from "../../lib/types";
import { asks, loadOf, quantity, requestsOf, written } from "./resources";

const container = (cpu: string, memory: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({ name: "c", image: "i", resources: { requests: { cpu, memory } }, ...more });
const pod = (spec: Partial<Pod["spec"]>, phase: NonNullable<Pod["status"]>["phase"] = "Running", name = "p"): Pod => ({ metadata: { name }, spec: { containers: [], nodeName: "node-1", ...spec }, status: { phase } }) as Pod;

describe("a quantity", () => {
  it("is read in every form that Kubernetes writes", () => {
    expect(["100m", "2", "0.5", "64Mi", "1G", "983040Ki", "1e3"].map(quantity)).toEqual([0.1, 2, 0.5, 67108864, 1e9, 1006632960, 1000]);
    expect([quantity(undefined), quantity("lots"), quantity("3 apples")]).toEqual([0, 0, 0]);
  });

  it("is written as a person would", () => {
    expect([written("cpu", 0.2), written("cpu", 1.5), written("cpu", 0)]).toEqual(["200m", "1.5", "0"]);
    expect([written("memory", 64 * 2 ** 20), written("memory", 1.5 * 2 ** 30), written("memory", 0)]).toEqual(["64Mi", "1.5Gi", "0"]);
  });
});

describe("what a pod requests", () => {
  it("is the sum of its containers", () => {
    expect(requestsOf(pod({ containers: [container("100m", "1Mi"), container("200m", "1Mi")] }))).toEqual({ cpu: expect.closeTo(0.3), memory: 2 * 2 ** 20 });
  });

  it("is more where an init container needs more for itself, beside the sidecars that run already", () => {
    const sidecar = container("100m", "0", { restartPolicy: "Always" });
    expect(requestsOf(pod({ initContainers: [sidecar, container("2", "0")], containers: [container("1", "0")] })).cpu).toBeCloseTo(2.1);
    expect(requestsOf(pod({ initContainers: [sidecar, container("500m", "0")], containers: [container("1", "0")] })).cpu).toBeCloseTo(1.1);
  });

  it("is said in a sentence", () => {
    expect(asks({ cpu: 0, memory: 0 })).toContain("requests nothing");
    expect(asks({ cpu: 0.2, memory: 2 ** 26 })).toBe("It requests 200m CPU and 64Mi memory.");
  });
});

describe("a node's load", () => {
  it("counts the pods on it that have not ended", () => {
    const pods = [pod({ containers: [container("1", "1Gi")] }, "Running", "a"), pod({ containers: [container("1", "1Gi")] }, "Succeeded", "b"), pod({ containers: [container("1", "1Gi")], nodeName: "node-2" }, "Running", "c")];
    const objects = new Map(pods.map((p) => [`pods/${p.metadata.name}`, { ref: { resource: "pods", name: p.metadata.name }, revision: 1, body: p }]));
    const state: State = { seq: 1, time: 0, cluster: "c", objects, facts: new Map() };
    const node = { metadata: { name: "node-1" }, spec: {}, status: { allocatable: { cpu: "2", memory: "4Gi", pods: "110" } } } as Node;
    expect(loadOf(state, node)).toEqual({ requested: { cpu: 1, memory: 2 ** 30 }, allocatable: { cpu: 2, memory: 2 ** 32 }, pods: 1, maxPods: 110 });
  });
});
