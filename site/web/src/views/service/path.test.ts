import { describe, expect, it } from "vitest";
import { History } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { Endpoint, EndpointSlice, Fact, KubeObject, Pod, Ref, Service, Snapshot, Step } from "../../lib/types";
import { serviceOf, servicesOf } from "./choice";
import { backendsOf, clientsOf, keepersOf, tableFor } from "./path";
import { wiresOf } from "./wires";

/** As nft prints a node's table: web has three endpoints, and a row more that no number leads to any more. */
const text = `table ip kubelab-services {
	map services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.7 . tcp . 80 : goto tcp-pick-3,
			     10.96.0.1 . tcp . 443 : goto tcp-pick-1, 10.96.0.53 . udp . 53 : goto udp-sticky-1 }
	}

	map tcp-endpoints {
		typeof ip daddr . tcp dport . numgen random mod 65536 : ip daddr . tcp dport
		elements = { 10.96.0.7 . 80 . 1 : 10.244.1.9 . 8080,
			     10.96.0.1 . 443 . 0 : 172.30.7.10 . 6443,
			     10.96.0.7 . 80 . 0 : 10.244.0.5 . 8080,
			     10.96.0.7 . 80 . 3 : 10.244.9.9 . 8080,
			     10.96.0.7 . 80 . 2 : 10.244.2.7 . 8080 }
	}

	map udp-endpoints {
		elements = { 10.96.0.53 . 53 . 0 : 10.244.0.3 . 5353 }
	}

	chain tcp-pick-1 {
		dnat ip to ip daddr . tcp dport . numgen random mod 1 map @tcp-endpoints
	}

	chain tcp-pick-3 {
		dnat ip to ip daddr . tcp dport . numgen random mod 3 map @tcp-endpoints
	}

	chain udp-sticky-1 {
		dnat ip to ip daddr . udp dport . jhash ip saddr mod 1 map @udp-endpoints
	}
}
`;

describe("the kernel's table", () => {
  it("has, for an address, the rows that its numbers lead to, in their order", () => {
    expect(tableFor(text, "10.96.0.7", 80)).toEqual({
      known: true,
      sticky: false,
      rows: [
        { number: 0, address: "10.244.0.5", port: 8080 },
        { number: 1, address: "10.244.1.9", port: 8080 },
        { number: 2, address: "10.244.2.7", port: 8080 },
      ],
    });
  });

  it("is asked for a protocol, and says where a client always gets the same one", () => {
    expect(tableFor(text, "10.96.0.53", 53, "udp")).toEqual({ known: true, sticky: true, rows: [{ number: 0, address: "10.244.0.3", port: 5353 }] });
    expect(tableFor(text, "10.96.0.53", 53).known).toBe(false);
  });

  it("knows nothing of an address or port that it does not have, nor of one that begins alike", () => {
    expect(tableFor(text, "10.96.0.7", 8)).toEqual({ known: false, rows: [], sticky: false });
    expect(tableFor(text, "0.96.0.7", 80).known).toBe(false);
    expect(tableFor("", "10.96.0.7", 80).known).toBe(false);
  });
});

const service = { metadata: { name: "web", namespace: "default" }, spec: { clusterIP: "10.96.0.7", selector: { app: "web" }, ports: [{ port: 80 }] } } as Service;
const pod = (name: string, ip: string, node: string, labels = {}, more: object = {}): Pod => ({ metadata: { name, namespace: "default", labels, ...more }, spec: { nodeName: node, containers: [] }, status: { phase: "Running", podIP: ip } }) as Pod;
const web = { app: "web" };
const endpoint = (name: string, address: string, node: string, conditions: Endpoint["conditions"] = { ready: true }): Endpoint => ({ addresses: [address], nodeName: node, targetRef: { kind: "Pod", namespace: "default", name }, ...(conditions && { conditions }) });
const slice = (...endpoints: Endpoint[]): EndpointSlice => ({ metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } }, endpoints });

function historyOf(objects: [string, KubeObject][], facts: [string, unknown][] = [], steps: Step[] = []): History {
  const versioned = objects.map(([resource, body], i) => ({ ref: { resource, name: body.metadata.name, ...(body.metadata.namespace && { namespace: body.metadata.namespace }) } as Ref, revision: i + 1, body }));
  const snapshot: Snapshot = { seq: 1, time: "2026-03-02T09:00:00Z", cluster: "c", objects: versioned, facts: facts.map(([about, data]): Fact => ({ about, data })), steps };
  return new History(snapshot);
}

describe("what is behind a service", () => {
  it("says of each pod whether requests get there, and by which row", () => {
    const { now } = historyOf([
      ["services", service],
      ["endpointslices", slice(endpoint("a", "10.244.0.5", "node-3"), endpoint("b", "10.244.1.9", "node-1", { ready: false }), endpoint("c", "10.244.2.8", "node-2", { ready: false, terminating: true }))],
      ["pods", pod("a", "10.244.0.5", "node-3", web)],
      ["pods", pod("new", "", "node-1", web)],
      ["pods", pod("odd", "10.244.2.7", "node-2", { app: "web-odd" })],
    ]);
    const found = backendsOf(now, service, tableFor(text, "10.96.0.7", 80)).map(({ name, standing, row }) => [name, standing, row]);
    expect(found).toEqual([
      ["a", "ready", 0],
      ["b", "not ready", 1],
      ["c", "ending", undefined],
      ["new", "no address yet", undefined],
      ["odd", "gone", 2],
    ]);
  });

  it("leaves out pods without its labels, and those of another namespace", () => {
    const { now } = historyOf([["pods", pod("other", "10.244.7.7", "node-1", { app: "x" })], ["pods", pod("far", "10.244.7.8", "node-1", web, { namespace: "shop" })]]);
    expect(backendsOf(now, service, { known: false, rows: [], sticky: false })).toEqual([]);
  });
});

describe("who asks", () => {
  it("is rather a pod of its own, of the same namespace, the newest first", () => {
    const { now } = historyOf([["pods", pod("a", "1", "node-1", web)], ["pods", pod("b", "2", "node-1", {}, { creationTimestamp: "2026-03-02T09:00:00Z" })], ["pods", pod("c", "3", "node-1", {}, { creationTimestamp: "2026-03-02T09:01:00Z" })], ["pods", pod("d", "4", "node-1", {}, { namespace: "shop", creationTimestamp: "2026-03-02T09:09:00Z" })]]);
    expect(clientsOf(now, service).map(({ metadata }) => metadata.name)).toEqual(["c", "b", "d", "a"]);
  });
});

describe("which service", () => {
  const own = { ...service, metadata: { name: "kubernetes", namespace: "default" } };
  const { now } = historyOf([["services", own], ["services", service], ["services", { ...service, metadata: { name: "new", namespace: "shop" } }], ["pods", pod("a", "1", "node-1", web)], ["endpointslices", slice()]]);

  it("is the object's: itself, that of its slice, or the one whose question finds the pod", () => {
    const name = (resource: string, object: string) => keyOf(serviceOf(now, { resource, namespace: "default", name: object }) as Ref);
    expect([name("services", "old"), name("endpointslices", "web-1"), name("pods", "a")]).toEqual(["services/default/old", "services/default/web", "services/default/web"]);
  });

  it("is else the newest, and the API server's own only if there is no other", () => {
    expect(servicesOf(now).map(({ metadata }) => metadata.name)).toEqual(["new", "web", "kubernetes"]);
    expect(serviceOf(now, undefined)?.name).toBe("new");
  });
});

describe("a proxy", () => {
  it("is current where its rows lead to the ready endpoints, and is dated by its last load", () => {
    const load = (host: string, second: number): Step => ({ id: `${host}-${second}`, time: `2026-03-02T08:59:0${second}Z`, component: "proxy", host, verb: "load rules", object: { resource: "services", namespace: "default", name: "web" } });
    const nodes: [string, KubeObject][] = ["node-1", "node-2"].map((name) => ["nodes", { metadata: { name }, spec: {} }]);
    const endpoints = slice(endpoint("a", "10.244.0.5", "node-3"), endpoint("b", "10.244.1.9", "node-1"), endpoint("c", "10.244.2.7", "node-2"), endpoint("d", "10.244.2.8", "node-2", { ready: false }));
    const facts: [string, unknown][] = [["rules/node-1", { text }], ["rules/node-2", { text: "" }], ["process/node-1/proxy", { pid: 1, up: true }], ["process/node-2/proxy", { pid: 0, up: false }]];
    const history = historyOf([...nodes, ["services", service], ["endpointslices", endpoints]], facts, [load("node-1", 1), load("node-1", 2)]);
    const kept = keepersOf(history.now, history, service, 80);
    expect(kept.map(({ node, up, rows, current, loaded }) => [node, up, rows, current, loaded?.step.id])).toEqual([
      ["node-1", true, 3, true, "node-1-2"],
      ["node-2", false, 0, false, undefined],
    ]);
  });
});

describe("the lines of a request's path", () => {
  const table = tableFor(text, "10.96.0.7", 80);
  const backend = { name: "a", address: "10.244.0.5", node: "node-1", ready: true, terminating: false, standing: "ready" as const, row: 0 };

  it("lead from the client by name, address and row to the pods, and are marked where a row leads to what is behind the service no more", () => {
    const wires = wiresOf(true, "node-1", false, table, [backend, { ...backend, name: "b", node: "node-2", standing: "gone", row: 1 }, { ...backend, name: "c", standing: "not ready", row: undefined as never }]);
    expect(wires.map(({ id, from, to, kind, out }) => [id, from, to, kind, out])).toEqual([
      ["name", "client", "dns", "watch", undefined],
      ["send", "client", "vip", "watch", undefined],
      ["table", "vip", "table", "watch", undefined],
      ["pod-a", "row-0", "pod-a", "watch", "left"],
      ["pod-b", "row-1", "pod-b", "stale", "right"],
    ]);
  });

  it("lead from the name to the ready pods where the service has no address", () => {
    expect(wiresOf(false, "node-1", true, table, [backend, { ...backend, name: "b", standing: "not ready" }]).map(({ from, to }) => [from, to])).toEqual([["dns", "pod-a"]]);
  });
});
