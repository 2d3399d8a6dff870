// The path of one request, as the objects and the kernel's table give it. Pure.

import type { History, StepAt, State } from "../../lib/model";
import { keyOf, refOf } from "../../lib/ref";
import { endpointsOf, fact, list, processes, type ServiceEndpoint } from "../../lib/select";
import type { EndpointSlice, Pod, Ref, RulesFact, Service } from "../../lib/types";
import { livesOf } from "../stage/lives";

/** A row of the kernel's table: which address takes the place of the Service's for one number that it draws. */
export interface Row {
  number: number;
  address: string;
  port: number;
}

export interface Table {
  /** Whether there is a row that leads on from the Service's address at all. */
  known: boolean;
  rows: Row[];
  /** A client always gets the same endpoint. */
  sticky: boolean;
}

/** Reads a table as nft prints it, for one address and port. */
export function tableFor(text: string, ip: string, port: number, protocol = "tcp"): Table {
  const at = ip.replaceAll(".", "\\.");
  const chain = new RegExp(`\\b${at} \\. ${protocol} \\. ${port} : goto ([\\w-]+)`).exec(text)?.[1];
  if (!chain) return { known: false, rows: [], sticky: false };
  const rule = new RegExp(`chain ${chain} \\{([^}]*)\\}`).exec(text)?.[1] ?? "";
  const many = Number(/ mod (\d+)/.exec(rule)?.[1] ?? Infinity);
  const map = new RegExp(`map ${protocol}-endpoints \\{([\\s\\S]*?)\\n\\t\\}`).exec(text)?.[1] ?? "";
  const rows = [...map.matchAll(new RegExp(`\\b${at} \\. ${port} \\. (\\d+) : ([\\d.]+) \\. (\\d+)`, "g"))]
    .map(([, number, address, to]) => ({ number: Number(number), address: address ?? "", port: Number(to) }))
    .filter(({ number }) => number < many);
  return { known: true, rows: rows.sort((a, b) => a.number - b.number), sticky: rule.includes("jhash") };
}

export interface Backend extends ServiceEndpoint {
  name: string;
  /** The number of its row in the client's table; none: new requests do not get there. */
  row?: number;
  /** In words: ready, not ready, ending. */
  standing: "ready" | "not ready" | "ending" | "no address yet" | "gone";
}

/** What is behind a service: its endpoints, the pods that its selector finds beside them, and what only the table still has. */
export function backendsOf(state: State, service: Service, table: Table): Backend[] {
  const rowOf = (address: string) => table.rows.find((row) => row.address === address)?.number;
  const listed = endpointsOf(state, service).map((endpoint): Backend => {
    const row = rowOf(endpoint.address);
    return { ...endpoint, name: endpoint.pod?.name ?? endpoint.address, standing: endpoint.terminating ? "ending" : endpoint.ready ? "ready" : "not ready", ...(row !== undefined && { row }) };
  });
  const known = new Set(listed.flatMap(({ pod }) => (pod ? [keyOf(pod)] : [])));
  const addresses = new Set(listed.map(({ address }) => address));
  const pods = list(state, "pods").filter((pod) => pod.metadata.namespace === service.metadata.namespace);
  const others = pods.filter((pod) => matches(pod, service) && !known.has(keyOf(refOf("pods", pod)))).map((pod) => backendOfPod(pod, rowOf));
  for (const { address } of others) addresses.add(address);
  const left = table.rows
    .filter(({ address }) => !addresses.has(address))
    .map(({ address, number }): Backend => {
      const pod = list(state, "pods").find((one) => one.status?.podIP === address);
      const base = pod ? backendOfPod(pod, rowOf) : { name: address, address, ready: false, terminating: false, row: number };
      return { ...base, standing: "gone" };
    });
  return [...listed, ...others, ...left].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function backendOfPod(pod: Pod, rowOf: (address: string) => number | undefined): Backend {
  const address = pod.status?.podIP ?? "";
  const row = rowOf(address);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { nodeName } = pod.spec;
  return { name: pod.metadata.name, pod: refOf("pods", pod), address, ready: false, terminating, standing: terminating ? "ending" : address ? "not ready" : "no address yet", ...(nodeName && { node: nodeName }), ...(row !== undefined && { row }) };
}

/** Whether a service's question finds a pod. */
export function matches(pod: Pod, service: Service): boolean {
  const wanted = Object.entries(service.spec.selector ?? {});
  return wanted.length > 0 && wanted.every(([label, value]) => pod.metadata.labels?.[label] === value);
}

/** The pods from which one can ask: first those that are not behind the service themselves, the newest first. */
export function clientsOf(state: State, service: Service): Pod[] {
  const running = list(state, "pods").filter((pod) => pod.status?.phase === "Running" && pod.spec.nodeName && !pod.metadata.deletionTimestamp);
  const own = (pod: Pod) => Number(pod.metadata.namespace === service.metadata.namespace && matches(pod, service));
  const near = (pod: Pod) => Number(pod.metadata.namespace === service.metadata.namespace);
  const born = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? "") || 0;
  return running.sort((a, b) => own(a) - own(b) || near(b) - near(a) || born(b) - born(a));
}

export interface Keeper {
  node: string;
  up: boolean;
  /** Its last load of this service's rows. */
  loaded?: StepAt;
  rows: number;
  /** The rows lead where the slices say. */
  current: boolean;
}

/** The proxies that keep a service's rows, and when each last loaded them. */
export function keepersOf(state: State, history: History, service: Service, port: number): Keeper[] {
  const steps = stepsOf(history, refOf("services", service), state.seq).filter(({ step }) => step.component === "proxy" && step.verb === "load rules");
  const up = new Map(processes(state).filter(({ component }) => component === "proxy").map((p) => [p.host, p.up]));
  const endpoints = endpointsOf(state, service);
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const wanted = addressesOf(ready.length > 0 ? ready : endpoints.filter(({ terminating }) => terminating));
  return list(state, "nodes").map(({ metadata: { name } }) => {
    const loaded = steps.findLast(({ step }) => step.host === name);
    const text = fact<RulesFact>(state, `rules/${name}`)?.text ?? "";
    const { rows } = tableFor(text, service.spec.clusterIP ?? "", port);
    return { node: name, up: up.get(name) ?? false, rows: rows.length, current: addressesOf(rows) === wanted, ...(loaded && { loaded }) };
  });
}

const addressesOf = (all: readonly { address: string }[]): string => [...new Set(all.map(({ address }) => address))].sort().join();

/** The slices of a service, with the step that wrote each last. */
export function slicesOf(state: State, history: History, service: Service): { slice: EndpointSlice; ref: Ref; written: StepAt | undefined }[] {
  return list(state, "endpointslices")
    .filter(({ metadata }) => metadata.namespace === service.metadata.namespace && metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name)
    .map((slice) => {
      const ref = refOf("endpointslices", slice);
      return { slice, ref, written: stepsOf(history, ref, state.seq).findLast(({ step }) => step.revision !== undefined) };
    });
}

/** What was done to an object: not to another one that had its name before. */
const stepsOf = (history: History, ref: Ref, seq: number): readonly StepAt[] => livesOf(history, ref, seq)[0]?.steps ?? [];
