// What pods request and what nodes have to give. Pure.

import type { State } from "../../lib/model";
import { podsOf } from "../../lib/select";
import type { ContainerSpec, Node, Pod } from "../../lib/types";

export interface Amount {
  /** In cores. */
  cpu: number;
  /** In bytes. */
  memory: number;
}

const units: Record<string, number> = { "": 1, n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };

/** A quantity as Kubernetes writes it: 100m, 2, 64Mi, 1e3. What cannot be read is nothing. */
export function quantity(text: string | undefined): number {
  const [, number, unit] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text ?? "") ?? [];
  const factor = units[unit ?? ""];
  return number === undefined || factor === undefined ? 0 : Number(number) * factor;
}

function requestOf(container: ContainerSpec): Amount {
  const { requests, limits } = container.resources ?? {};
  return { cpu: quantity(requests?.cpu ?? limits?.cpu), memory: quantity(requests?.memory ?? limits?.memory) };
}

const plus = (a: Amount, b: Amount): Amount => ({ cpu: a.cpu + b.cpu, memory: a.memory + b.memory });
const most = (a: Amount, b: Amount): Amount => ({ cpu: Math.max(a.cpu, b.cpu), memory: Math.max(a.memory, b.memory) });
const nothing: Amount = { cpu: 0, memory: 0 };

/** What a pod requests: its containers and sidecars together, or more where an init container needs more for itself. */
export function requestsOf(pod: Pod): Amount {
  let [sidecars, starting] = [nothing, nothing];
  for (const container of pod.spec.initContainers ?? []) {
    const own = requestOf(container);
    if (container.restartPolicy === "Always") starting = most(starting, (sidecars = plus(sidecars, own)));
    else starting = most(starting, plus(sidecars, own));
  }
  return most(starting, pod.spec.containers.map(requestOf).reduce(plus, sidecars));
}

export interface Load {
  requested: Amount;
  allocatable: Amount;
  pods: number;
  maxPods: number;
}

/** What of a node is spoken for. A pod that has ended counts no more. */
export function loadOf(state: State, node: Node): Load {
  const pods = podsOf(state, node.metadata.name).filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  const { allocatable = {} } = node.status ?? {};
  return {
    requested: pods.map(requestsOf).reduce(plus, nothing),
    allocatable: { cpu: quantity(allocatable.cpu), memory: quantity(allocatable.memory) },
    pods: pods.length,
    maxPods: quantity(allocatable.pods),
  };
}

/** Cores or bytes, as a person writes them. */
export function written(of: keyof Amount, amount: number): string {
  if (of === "cpu") return amount < 1 && amount > 0 ? `${Math.round(amount * 1000)}m` : String(Number(amount.toFixed(2)));
  const [size, unit] = amount >= 2 ** 30 ? [2 ** 30, "Gi"] : amount >= 2 ** 20 ? [2 ** 20, "Mi"] : [2 ** 10, "Ki"];
  return amount === 0 ? "0" : `${Number((amount / size).toFixed(amount >= 10 * size ? 0 : 1))}${unit}`;
}

/** What a pod asks for, as a sentence. */
export function asks({ cpu, memory }: Amount): string {
  if (cpu === 0 && memory === 0) return "It requests nothing, so there is always enough for it.";
  return `It requests ${[cpu > 0 && `${written("cpu", cpu)} CPU`, memory > 0 && `${written("memory", memory)} memory`].filter(Boolean).join(" and ")}.`;
}
