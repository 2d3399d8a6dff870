// What the pictures ask of a state. All pure.

import { controllerOf, isOf, keyOf } from "./ref";
import { push, type State } from "./model";
import type { Condition, Deployment, Endpoint, EndpointSlice, HostFact, KubeObject, Node, Pod, ProcessFact, Ref, ReplicaSet, Service, Versioned } from "./types";

interface Kinds {
  pods: Pod;
  nodes: Node;
  services: Service;
  endpointslices: EndpointSlice;
  replicasets: ReplicaSet;
  deployments: Deployment;
}

/** All objects of a resource, by namespace and name. */
export function list<R extends keyof Kinds>(state: State, resource: R): Kinds[R][];
export function list(state: State, resource: string): KubeObject[];
export function list(state: State, resource: string): KubeObject[] {
  const lists = once(listed, state, byResource);
  const found = lists.get(resource) ?? [];
  if ("objects" in found) return found.objects;
  const objects = found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { body }]) => body);
  lists.set(resource, { objects });
  return objects;
}

// A state never changes, and a picture asks it for the same lists again and again. Only those that it asks for are put in order.
type Unordered = [string, Versioned][];
const listed = new WeakMap<State, Map<string, Unordered | { objects: KubeObject[] }>>();

function byResource(state: State): Map<string, Unordered> {
  const all = new Map<string, Unordered>();
  for (const entry of state.objects) push(all, entry[1].ref.resource, entry);
  return all;
}

/** What is worked out of something that never changes, the first time that it is asked for. */
function once<Of extends object, Result>(known: WeakMap<Of, Result>, of: Of, work: (of: Of) => Result): Result {
  const result = known.get(of) ?? work(of);
  known.set(of, result);
  return result;
}

export function get(state: State, ref: Ref): KubeObject | undefined {
  return state.objects.get(keyOf(ref))?.body;
}

/** The pods of a node, by namespace and name. */
export function podsOf(state: State, node: string): Pod[] {
  return once(bound, state, byNode).get(node) ?? [];
}

const bound = new WeakMap<State, Map<string, Pod[]>>();

function byNode(state: State): Map<string, Pod[]> {
  const all = new Map<string, Pod[]>();
  for (const pod of list(state, "pods")) if (pod.spec.nodeName) push(all, pod.spec.nodeName, pod);
  return all;
}

/** The pods that no node has yet. */
export function pendingPods(state: State): Pod[] {
  return list(state, "pods").filter((pod) => !pod.spec.nodeName);
}

/** The objects that an object controls: not those of another one that had its name before. */
export function owned(state: State, owner: Ref): KubeObject[] {
  const uids = new Set([get(state, owner)?.metadata.uid ?? ""]);
  const found: KubeObject[] = [];
  for (const { body } of state.objects.values()) if (isOf(body, uids)) found.push(body);
  return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The object, its controller, its controller's controller and so on. */
export function ownerChain(state: State, ref: Ref): Ref[] {
  const chain = [ref];
  for (let object = get(state, ref); object && chain.length < 10; ) {
    const owner = controllerOf(object);
    if (!owner) break;
    chain.push(owner);
    object = get(state, owner);
  }
  return chain;
}

export interface ServiceEndpoint {
  address: string;
  ready: boolean;
  terminating: boolean;
  node?: string;
  pod?: Ref;
}

/** The endpoints of a service, from all its slices. */
export function endpointsOf(state: State, service: Service): ServiceEndpoint[] {
  return list(state, "endpointslices")
    .filter((s) => s.metadata.namespace === service.metadata.namespace && s.metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name)
    .flatMap((s) => (s.endpoints ?? []).map(asServiceEndpoint));
}

function asServiceEndpoint(endpoint: Endpoint): ServiceEndpoint {
  const { conditions, nodeName, targetRef, addresses } = endpoint;
  const pod: Ref | undefined = targetRef?.kind === "Pod" ? { resource: "pods", name: targetRef.name, ...(targetRef.namespace && { namespace: targetRef.namespace }) } : undefined;
  return {
    address: addresses[0] ?? "",
    ready: conditions?.ready !== false,
    terminating: conditions?.terminating === true,
    ...(nodeName && { node: nodeName }),
    ...(pod && { pod }),
  };
}

export function condition(object: { status?: { conditions?: Condition[] } }, type: string): Condition | undefined {
  return object.status?.conditions?.find((c) => c.type === type);
}

export type PodHealth = "pending" | "starting" | "running" | "ready" | "leaving" | "succeeded" | "failed";

/** A pod's life in one word, as the pictures colour it. */
export function podHealth(pod: Pod): PodHealth {
  const phase = pod.status?.phase;
  if (phase === "Succeeded") return "succeeded";
  if (phase === "Failed") return "failed";
  if (pod.metadata.deletionTimestamp) return "leaving";
  if (!pod.spec.nodeName) return "pending";
  if (condition(pod, "Ready")?.status === "True") return "ready";
  return phase === "Running" ? "running" : "starting";
}

export function nodeReady(node: Node): boolean {
  return condition(node, "Ready")?.status === "True";
}

/** What a fact says, if it holds. */
export function fact<T>(state: State, about: string): T | undefined {
  return state.facts.get(about)?.data as T | undefined;
}

export interface HostProcess extends ProcessFact {
  host: string;
  component: string;
}

/** The cluster's processes, by host and component. */
export function processes(state: State): HostProcess[] {
  return once(running, state.facts, () => factsAbout<ProcessFact>(state, "process").map(([[host = "", component = ""], data]) => ({ host, component, ...data })));
}

const running = new WeakMap<State["facts"], HostProcess[]>();

export function hosts(state: State): ({ name: string } & HostFact)[] {
  return factsAbout<HostFact>(state, "host").map(([[name = ""], data]) => ({ name, ...data }));
}

/** The facts of one sort, with the rest of what they are about. */
export function factsAbout<T>(state: State, sort: string): [string[], T][] {
  const found: [string, T][] = [];
  for (const [about, { data }] of state.facts) if (about.startsWith(`${sort}/`)) found.push([about, data as T]);
  return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([about, data]) => [about.split("/").slice(1), data]);
}
