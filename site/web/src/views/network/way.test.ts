import { describe, expect, it } from "vitest";
import type { State } from "../../lib/model";
import { keyOf, refOf } from "../../lib/ref";
import type { HostFact, KubeObject, NetworkFact, Pod } from "../../lib/types";
import { cablesOf, endsOf, nodesOf } from "./plan";
import { outside, reachable, routeTo, wayOf, within, type Place, type Way } from "./way";

const pod = (name: string, node: string, ip: string, more: object = {}): Pod => ({ metadata: { name, namespace: "default" }, spec: { nodeName: node, containers: [], ...more }, status: { phase: "Running", podIP: ip } }) as Pod;
const pods = [pod("a", "node-1", "10.244.1.2"), pod("b", "node-1", "10.244.1.3"), pod("c", "node-2", "10.244.2.2"), pod("host", "node-2", "172.30.0.12", { hostNetwork: true })];

function network(n: number, ...ports: [string, string][]): NetworkFact {
  const other = 3 - n;
  return {
    gateway: `10.244.${n}.1`,
    ports: ports.map(([veth, name]) => ({ veth, namespace: "default", pod: name, ip: pods.find(({ metadata }) => metadata.name === name)?.status?.podIP ?? "" })),
    routes: [{ to: "default", via: "172.30.0.1", dev: "eth0" }, { to: `10.244.${n}.0/24` }, ...ports.map(([veth], i) => ({ to: `10.244.${n}.${i + 2}`, dev: veth })), { to: `10.244.${other}.0/24`, via: `172.30.0.1${other}`, dev: "eth0" }],
    uplink: "eth0",
  };
}

/** Two nodes: a and b on the first, c and a pod of the node's own network on the second. */
function stateWith(second: HostFact["state"] = "up", facts: [string, unknown][] = []): State {
  const objects: [string, KubeObject][] = [...pods.map((p): [string, KubeObject] => ["pods", p]), ...["node-1", "node-2"].map((name): [string, KubeObject] => ["nodes", { metadata: { name }, spec: {} }])];
  const known: [string, unknown][] = [
    ["network/node-1", network(1, ["pod2", "a"], ["pod3", "b"])],
    ["network/node-2", network(2, ["pod2", "c"])],
    ["host/node-1", { addresses: ["172.30.0.11"], state: "up" }],
    ["host/node-2", { addresses: ["172.30.0.12"], state: second }],
    ...facts,
  ];
  return { seq: 1, time: 0, cluster: "c", objects: new Map(objects.map(([resource, body], i) => [keyOf(refOf(resource, body)), { ref: refOf(resource, body), revision: i, body }])), facts: new Map(known.map(([about, data]) => [about, { about, data }])) };
}

const place = (state: State, name: string) => reachable(state).find(({ pod: { metadata } }) => metadata.name === name) as Place;
const way = (state: State, from: string, to: string): Way => wayOf(state, place(state, from), to === outside ? outside : place(state, to));
const stops = ({ hops }: Way) => hops.map(({ at }) => at.replace("pods/default/", ""));

describe("a packet", () => {
  it("goes over a cable, the line for the pod, and its cable on one node, and nothing is translated", () => {
    const found = way(stateWith(), "a", "b");
    expect(stops(found)).toEqual(["pod-a", "port-node-1-pod2", "gateway-node-1", "route-node-1-10.244.1.3", "port-node-1-pod3", "pod-b"]);
    expect([...found.wires.keys()]).toEqual(["cable-node-1-pod2", "gateway-node-1", "cable-node-1-pod3"]);
    expect([found.kind, found.lost, found.translated]).toEqual(["same node", undefined, "Nothing is translated: b sees 10.244.1.2."]);
  });

  it("goes by the gateway, the line for the other node, and the other node's line for the pod", () => {
    const found = way(stateWith(), "a", "c");
    expect(stops(found)).toEqual(["pod-a", "port-node-1-pod2", "gateway-node-1", "route-node-1-10.244.2.0/24", "uplink-node-1", "switch", "uplink-node-2", "route-node-2-10.244.2.2", "port-node-2-pod2", "pod-c"]);
    expect([found.kind, found.translated]).toEqual(["across nodes", "Nothing is translated: c sees 10.244.1.2."]);
  });

  it("leaves by the default line, and there alone the node's address takes the place of the pod's", () => {
    const found = way(stateWith(), "a", outside);
    expect(stops(found).slice(-4)).toEqual(["route-node-1-default", "uplink-node-1", "switch", "outside"]);
    expect(found.translated).toContain("node-1 writes 172.30.0.11 in place of 10.244.1.2");
  });

  it("is lost at a cable that is cut, before or after the switch, and at a node without power", () => {
    expect(way(stateWith("cut"), "a", "c").lost).toContain("The cable of node-2 is cut");
    expect(stops(way(stateWith("cut"), "a", "c")).at(-1)).toBe("switch");
    expect(stops(way(stateWith("cut"), "c", "a")).at(-1)).toBe("uplink-node-2");
    expect(way(stateWith("off"), "a", "c").lost).toBe("node-2 has no power: nobody answers.");
    expect(way(stateWith("cut"), "a", "b").lost).toBeUndefined();
  });

  it("is lost where no line of the table is for it", () => {
    const bare = stateWith("up", [["network/node-1", { ...network(1, ["pod2", "a"]), routes: [{ to: "10.244.1.2", dev: "pod2" }] }]]);
    expect(way(bare, "a", "c").lost).toBe("The routing table of node-1 has no line for it.");
  });

  it("does not leave a pod that talks to itself", () => {
    expect([way(stateWith(), "a", "a").kind, stops(way(stateWith(), "a", "a"))]).toEqual(["same pod", ["pod-a"]]);
  });

  it("has no way that anybody knows where nothing is known of the network", () => {
    expect(way(stateWith("up", [["network/node-1", undefined]]), "a", "b").lost).toBe("Nothing is known of the network of node-1.");
  });
});

describe("a routing table", () => {
  it("decides by the longest range that the address is in", () => {
    const routes = [{ to: "default" }, { to: "10.244.0.0/16" }, { to: "10.244.2.0/24" }, { to: "10.244.3.0/24" }];
    expect(["10.244.2.9", "10.244.9.9", "1.1.1.1"].map((ip) => routeTo(routes, ip)?.to)).toEqual(["10.244.2.0/24", "10.244.0.0/16", "default"]);
  });

  it("knows what is in a range to the last bit", () => {
    expect([within("10.244.1.255", "10.244.1.0/24"), within("10.244.2.0", "10.244.1.0/24"), within("172.30.7.129", "172.30.7.128/25"), within("172.30.7.127", "172.30.7.128/25")]).toEqual([true, false, true, false]);
  });
});

describe("whom it goes between", () => {
  const places = reachable(stateWith());
  const name = (end: Place | typeof outside | undefined) => (typeof end === "object" ? end.pod.metadata.name : end);

  it("is what was picked, else it begins at the object and goes rather to another node", () => {
    const key = (pod: string) => `pods/default/${pod}`;
    const ends = (...asked: Parameters<typeof endsOf> extends [unknown, ...infer Rest] ? Rest : never) => {
      const { from, to } = endsOf(places, ...asked);
      return [name(from), name(to)];
    };
    expect(ends(key("c"), key("a"), undefined)).toEqual(["c", "a"]);
    expect(ends(undefined, undefined, { resource: "pods", namespace: "default", name: "b" })).toEqual(["b", "c"]);
    expect(ends(key("gone"), outside, undefined)).toEqual(["a", outside]);
    expect(endsOf([], undefined, undefined, undefined)).toEqual({});
  });

  it("leaves out pods that use their node's own network: they have no cable", () => {
    expect(places.map(({ pod: { metadata } }) => metadata.name)).toEqual(["a", "b", "c"]);
    expect(nodesOf(stateWith())[1]?.others.map(({ metadata }) => metadata.name)).toEqual(["host"]);
    expect(nodesOf(stateWith("up", [["network/node-2", network(2)]]))[1]?.soon.map(({ metadata }) => metadata.name)).toEqual(["c"]);
  });
});

describe("cables", () => {
  it("run as the packet does where it passes, and are cut where the node's is", () => {
    const state = stateWith("cut");
    const cables = new Map(cablesOf(nodesOf(state), way(state, "a", "b")).map((cable) => [cable.id, cable]));
    expect(cables.get("cable-node-1-pod2")).toMatchObject({ from: "pod-pods/default/a", kind: "way" });
    expect(cables.get("cable-node-1-pod3")).toMatchObject({ from: "port-node-1-pod3", to: "pod-pods/default/b", kind: "way" });
    expect([cables.get("uplink-node-1")?.kind, cables.get("uplink-node-2")?.kind]).toEqual(["idle", "cut"]);
  });
});
