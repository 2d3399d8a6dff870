// The way of a packet, worked out from what the nodes' kernels say. Pure.

import type { State } from "../../lib/model";
import { keyOf, refOf } from "../../lib/ref";
import { fact, list } from "../../lib/select";
import type { HostFact, NetworkFact, Pod } from "../../lib/types";

export interface Route {
  to: string;
  via?: string;
  dev?: string;
}

/** One place that a packet passes. */
export interface Hop {
  /** The anchor of the place. */
  at: string;
  /** The node that it belongs to; none: it lies between or beyond them. */
  node?: string;
  title: string;
  says: string;
}

export interface Way {
  kind: "same pod" | "same node" | "across nodes" | "outside" | "unknown";
  hops: Hop[];
  /** The ids of the wires that it runs along, and whether against their direction. */
  wires: Map<string, boolean>;
  /** Why it does not arrive. */
  lost?: string;
  /** What is translated, and whom the receiver sees. */
  translated: string;
}

export const outside = "outside";

/** Where a pod is plugged in. */
export interface Place {
  pod: Pod;
  node: string;
  ip: string;
  veth: string | undefined;
}

export function placeOf(state: State, pod: Pod): Place {
  const node = pod.spec.nodeName ?? "";
  const port = fact<NetworkFact>(state, `network/${node}`)?.ports?.find(({ namespace, pod: name }) => namespace === pod.metadata.namespace && name === pod.metadata.name);
  return { pod, node, ip: pod.status?.podIP ?? port?.ip ?? "", veth: port?.veth };
}

/** The pods that have an address and a cable of their own. */
export function reachable(state: State): Place[] {
  return list(state, "pods").filter((pod) => pod.status?.podIP && !pod.spec.hostNetwork && pod.status.phase === "Running").map((pod) => placeOf(state, pod));
}

/** An IPv4 address as a number. */
export function number(ip: string): number {
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Whether an address is in a range such as 10.244.1.0/24. */
export function within(ip: string, range: string): boolean {
  const [network = "", bits = "32"] = range.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(ip) / size) === Math.floor(number(network) / size);
}

/** The line of a routing table that decides: the one with the longest range that the address is in. */
export function routeTo(routes: readonly Route[], ip: string): Route | undefined {
  const length = (range: string) => (range === "default" ? -1 : Number(range.split("/")[1] ?? 32));
  return routes.filter(({ to }) => to === "default" || within(ip, to)).sort((a, b) => length(b.to) - length(a.to))[0];
}

/** A line of a routing table: by way of whom, or out of which card to its very end; or that nobody has such an address. */
export const written = ({ to, via, dev }: Route): string => (via ? `${to} via ${via}` : dev ? `${to} dev ${dev}` : `unreachable ${to}`);

/** An address of no cluster, for asking a routing table about the world: from the range that is kept for examples. */
const somewhere = "198.51.100.1";

/** The way from one pod to another, or out into the world. */
export function wayOf(state: State, from: Place, to: Place | typeof outside): Way {
  const way: Way = { kind: "unknown", hops: [], wires: new Map(), translated: "" };
  const here = networkOf(state, from.node);
  if (to !== outside && keyOf(refOf("pods", from.pod)) === keyOf(refOf("pods", to.pod))) return { ...way, kind: "same pod", hops: [podHop(from, "Its containers share one network namespace: they reach each other at localhost, and no packet leaves it.")], translated: "Nothing is translated, and no cable is used." };
  if (!here || !from.veth) return { ...way, lost: `Nothing is known of the network of ${from.node || "this pod"}.` };
  const target = to === outside ? somewhere : to.ip;
  way.hops.push(podHop(from, `sends from ${from.ip} to ${to === outside ? "an address outside" : to.ip}.`));
  plug(way, from, here);
  if (to !== outside && to.node === from.node) {
    way.kind = "same node";
    way.wires.set(`gateway-${from.node}`, false);
    return deliver(way, here, from, to);
  }
  const kind = to === outside ? "outside" : "across nodes";
  if (!leave(state, way, from.node, here, target)) return { ...way, kind };
  if (to === outside) return abroad(state, way, from);
  return arrive(state, { ...way, kind }, from, to);
}

function abroad(state: State, way: Way, from: Place): Way {
  const address = hostOf(state, from.node)?.addresses?.[0] ?? "its own address";
  way.wires.set("world", false);
  way.hops.push({ at: "switch", title: "switch between the nodes", says: "leads to the machine, and from there on." });
  way.hops.push({ at: outside, title: "outside", says: `The world sees ${address}.` });
  return { ...way, kind: "outside", translated: `On the way out ${from.node} writes ${address} in place of ${from.ip}, and remembers it (masquerading). The answer is turned back the same way.` };
}

/** Out of a node: its routing table, its card, its cable. False: it gets no further. */
function leave(state: State, way: Way, node: string, network: NetworkFact, target: string): boolean {
  const route = routeTo(network.routes ?? [], target);
  way.wires.set(`gateway-${node}`, false);
  if (!route) {
    way.hops.push({ at: `routes-${node}`, node, title: "routing table", says: "has no line for this address." });
    way.lost = `The routing table of ${node} has no line for it.`;
    return false;
  }
  way.hops.push({ at: `route-${node}-${route.to}`, node, title: "routing table", says: written(route) });
  way.wires.set(`leave-${node}`, false);
  way.hops.push({ at: `uplink-${node}`, node, title: network.uplink ?? "card", says: "leaves the node." });
  return cable(state, way, node, false);
}

/** Along a node's cable to the switch, or from it. */
function cable(state: State, way: Way, node: string, back: boolean): boolean {
  const host = hostOf(state, node)?.state;
  if (host === "cut" || host === "off") {
    way.lost = host === "cut" ? `The cable of ${node} is cut: the packet ends here, and nobody answers. The line in the routing table stays, since the node still exists.` : `${node} has no power: nobody answers.`;
    return false;
  }
  way.wires.set(`uplink-${node}`, back);
  return true;
}

function arrive(state: State, way: Way, from: Place, to: Place): Way {
  const there = networkOf(state, to.node);
  way.hops.push({ at: "switch", title: "switch between the nodes", says: `brings it to ${to.node}.` });
  if (!cable(state, way, to.node, true)) return way;
  if (!there) return { ...way, lost: `Nothing is known of the network of ${to.node}.` };
  way.hops.push({ at: `uplink-${to.node}`, node: to.node, title: there.uplink ?? "card", says: "arrives at the node." });
  way.wires.set(`leave-${to.node}`, true);
  way.wires.set(`gateway-${to.node}`, true);
  return deliver(way, there, from, to);
}

/** From a node's routing table to a pod of its own. */
function deliver(way: Way, network: NetworkFact, from: Place, to: Place): Way {
  const route = routeTo(network.routes ?? [], to.ip);
  if (!route || !to.veth) return { ...way, lost: `${to.pod.metadata.name} is plugged in nowhere.` };
  way.hops.push({ at: `route-${to.node}-${route.to}`, node: to.node, title: "routing table", says: written(route) });
  unplug(way, to);
  return { ...way, translated: `Nothing is translated: ${to.pod.metadata.name} sees ${from.ip}.` };
}

function plug(way: Way, { node, veth }: Place, { gateway }: NetworkFact): void {
  way.wires.set(`cable-${node}-${veth}`, false);
  way.hops.push({ at: `port-${node}-${veth}`, node, title: veth ?? "", says: "is the other end of its eth0." });
  way.hops.push({ at: `gateway-${node}`, node, title: gateway ?? "gateway", says: "is the node's own address, to which a pod sends every packet. The node passes it on." });
}

function unplug(way: Way, to: Place): void {
  way.wires.set(`cable-${to.node}-${to.veth}`, true);
  way.hops.push({ at: `port-${to.node}-${to.veth}`, node: to.node, title: to.veth ?? "", says: "the cable to the pod's eth0." });
  way.hops.push(podHop(to, `receives it at ${to.ip}.`));
}

function podHop({ pod, node }: Place, says: string): Hop {
  return { at: `pod-${keyOf(refOf("pods", pod))}`, node, title: pod.metadata.name, says };
}

const networkOf = (state: State, node: string): NetworkFact | undefined => fact<NetworkFact>(state, `network/${node}`);
const hostOf = (state: State, node: string): HostFact | undefined => fact<HostFact>(state, `host/${node}`);
