// What is drawn of the network: nodes, cables, and whom a packet goes between. Pure.

import type { State } from "../../lib/model";
import { keyOf, refOf } from "../../lib/ref";
import { fact, list } from "../../lib/select";
import type { HostFact, NetworkFact, Pod, Ref } from "../../lib/types";
import type { Wire } from "../stage/wires";
import { outside, type Place, type Way } from "./way";

export interface Plug {
  veth: string;
  /** Whose it is; none: the runtime has not said. */
  pod?: Ref;
  ip: string;
}

export interface NodeNet {
  name: string;
  state: HostFact["state"] | "unknown";
  address: string;
  network: NetworkFact | undefined;
  plugs: Plug[];
  /** Pods that use the node's own network. */
  others: Pod[];
  /** Pods of which the runtime has not said yet where they are plugged in. */
  soon: Pod[];
}

export function nodesOf(state: State): NodeNet[] {
  const pods = list(state, "pods");
  return list(state, "nodes").map(({ metadata: { name }, status }) => {
    const host = fact<HostFact>(state, `host/${name}`);
    const network = fact<NetworkFact>(state, `network/${name}`);
    const plugs = (network?.ports ?? []).map(({ veth, namespace, pod, ip }): Plug => ({ veth, ip: ip ?? "", ...(pod && { pod: { resource: "pods", name: pod, ...(namespace && { namespace }) } }) }));
    const plugged = new Set(plugs.flatMap(({ pod }) => (pod ? [keyOf(pod)] : [])));
    const others = pods.filter((pod) => pod.spec.nodeName === name && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed" && !plugged.has(keyOf(refOf("pods", pod))));
    return {
      name,
      state: host?.state ?? "unknown",
      address: host?.addresses?.[0] ?? status?.addresses?.[0]?.address ?? "",
      network,
      plugs,
      others: others.filter(({ spec }) => spec.hostNetwork),
      soon: others.filter(({ spec }) => !spec.hostNetwork),
    };
  });
}

/** All cables. Those on the packet's way run as the packet does. */
export function cablesOf(nodes: readonly NodeNet[], way: Way | undefined): Wire[] {
  const cables: Wire[] = [{ id: "world", from: "switch", to: outside }];
  for (const { name, plugs, network, state } of nodes) {
    if (!network) continue;
    for (const { veth, pod } of plugs) if (pod) cables.push({ id: `cable-${name}-${veth}`, from: `pod-${keyOf(pod)}`, to: `port-${name}-${veth}` });
    cables.push({ id: `gateway-${name}`, from: `gateway-${name}`, to: `routes-${name}` }, { id: `leave-${name}`, from: `routes-${name}`, to: `uplink-${name}` });
    cables.push({ id: `uplink-${name}`, from: `uplink-${name}`, to: "switch", kind: state === "cut" || state === "off" ? "cut" : "idle" });
  }
  return cables.map((cable) => {
    const back = way?.wires.get(cable.id);
    if (back === undefined) return cable;
    return { ...cable, kind: "way", ...(back && { from: cable.to, to: cable.from }) };
  });
}

/** Between whom a packet goes: what was picked, as long as it is there; else from the object, and rather to another node. */
export function endsOf(places: readonly Place[], from: string | undefined, to: string | undefined, object: Ref | undefined): { from?: Place; to?: Place | typeof outside } {
  const find = (key: string | undefined) => places.find(({ pod }) => keyOf(refOf("pods", pod)) === key);
  const start = find(from) ?? find(object && keyOf(object)) ?? places[0];
  if (!start) return {};
  if (to === outside) return { from: start, to: outside };
  const end = find(to) ?? places.find(({ node }) => node !== start.node) ?? places.find((place) => place !== start) ?? outside;
  return { from: start, to: end };
}
