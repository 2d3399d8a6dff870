// What one pod is made of: its sandbox, its containers, and what they share. Pure.

import type { State, StepAt } from "../../lib/model";
import { fact } from "../../lib/select";
import type { ContainerFact, ContainerSpec, ContainerStatus, NetworkFact, Pod } from "../../lib/types";
import type { Life } from "../stage/lives";

/** The namespaces that containers of a pod share, and those that each has for itself. */
const sandboxKinds = ["net", "uts", "ipc"] as const;
const ownKinds = ["pid", "mnt"] as const;
const told: Record<string, string> = { net: "network", uts: "host name", ipc: "shared memory", pid: "processes", mnt: "files" };

export interface Space {
  kind: string;
  about: string;
  /** Undefined: not known. */
  inode: number | undefined;
  /** It is that of the node. */
  host: boolean;
  /** The names of the containers in it. */
  holders: string[];
}

export interface Part {
  name: string;
  image: string;
  init: boolean;
  state: "none" | "waits" | "runs" | "ready" | "ended";
  says: string;
  restarts: number;
  own: Space[];
  /** Undefined: the node has told nothing of it. */
  fact: ContainerFact | undefined;
  /** The number that its first process has on the node, which counts its own: the runtime's steps tell it. */
  onNode: string | undefined;
  mounts: { volume: string; path: string }[];
}

export interface Sandbox {
  state: "none" | "made" | "gone";
  ip: string | undefined;
  veth: string | undefined;
  gateway: string | undefined;
}

export interface PodParts {
  sandbox: Sandbox;
  shared: Space[];
  volumes: { name: string; kind: string; holders: string[] }[];
  containers: Part[];
  /** Whether the node has told of any container that runs. */
  known: boolean;
}

export function partsOf(now: State, life: Life, pod: Pod): PodParts {
  const { ref } = life;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const specs: [ContainerSpec, boolean][] = [...(pod.spec.initContainers ?? []).map((c): [ContainerSpec, boolean] => [c, true]), ...pod.spec.containers.map((c): [ContainerSpec, boolean] => [c, false])];
  const containers = specs.map(([spec, init]) => {
    const data = fact<ContainerFact>(now, `container/${ref.namespace}/${ref.name}/${spec.name}`);
    return partOf(spec, init, statuses.find(({ name }) => name === spec.name), data, life.steps);
  });
  const sandbox = sandboxOf(now, life, pod);
  return { sandbox, shared: sandbox.state === "none" ? [] : sharedBy(containers), volumes: volumesOf(pod, containers), containers, known: containers.some((c) => c.fact) };
}

function partOf(spec: ContainerSpec, init: boolean, status: ContainerStatus | undefined, data: ContainerFact | undefined, steps: readonly StepAt[]): Part {
  const shown = init && status?.state?.terminated ? undefined : data;
  return {
    name: spec.name,
    image: spec.image,
    init,
    ...toldFirst(stateOf(status), steps, spec.name),
    restarts: status?.restartCount ?? 0,
    own: ownKinds.map((kind) => space(kind, shown, [spec.name])),
    fact: shown,
    onNode: numberOnNode(steps, spec.name),
    mounts: (spec.volumeMounts ?? []).map(({ name, mountPath }) => ({ volume: name, path: mountPath })),
  };
}

/** The number of a container's first process on its node, from the newest step that started it. */
export function numberOnNode(steps: readonly StepAt[], container: string): string | undefined {
  const started = steps.findLast(({ step }) => step.verb === "start process" && step.detail?.startsWith(`${container}, pid `));
  return /, pid (\d+)$/.exec(started?.step.detail ?? "")?.[1];
}

/** A container's state: what the runtime did last, where the kubelet has not reported it yet. */
function toldFirst(reported: Pick<Part, "state" | "says">, steps: readonly StepAt[], name: string): Pick<Part, "state" | "says"> {
  const last = steps.findLast(({ step }) => ["start process", "process exited"].includes(step.verb) && step.detail?.startsWith(`${name}, `))?.step;
  const runs = reported.state === "runs" || reported.state === "ready";
  if (last?.verb === "start process" && !runs) return { state: "runs", says: "runs, not reported yet" };
  if (last?.verb === "process exited" && runs) return { state: "ended", says: `ended: ${last.detail?.slice(name.length + 2)}` };
  return reported;
}

function stateOf(status: ContainerStatus | undefined): Pick<Part, "state" | "says"> {
  const { running, terminated, waiting } = status?.state ?? {};
  if (running) return status?.ready ? { state: "ready", says: "runs, ready" } : { state: "runs", says: "runs, not ready" };
  if (terminated) return { state: "ended", says: `ended with code ${terminated.exitCode}${terminated.reason ? ` (${terminated.reason})` : ""}` };
  if (waiting) return { state: "waits", says: `waits: ${waiting.reason ?? "to be started"}` };
  return { state: "none", says: "not there yet" };
}

function space(kind: string, data: ContainerFact | undefined, holders: string[]): Space {
  const known = data?.namespaces?.[kind];
  return { kind, about: told[kind] ?? kind, inode: known?.inode, host: known?.host === true, holders };
}

/** Each namespace of the sandbox once for each number that containers show; without numbers, once for all. */
function sharedBy(containers: readonly Part[]): Space[] {
  return sandboxKinds.flatMap((kind) => {
    const byInode = new Map<number, Space>();
    for (const container of containers) {
      const one = space(kind, container.fact, [container.name]);
      if (one.inode === undefined) continue;
      const same = byInode.get(one.inode);
      if (same) same.holders.push(container.name);
      else byInode.set(one.inode, one);
    }
    return byInode.size > 0 ? [...byInode.values()] : [space(kind, undefined, [])];
  });
}

/** The newest word on the sandbox: what the runtime did last for it. Where that is not known, an address says that it is there. */
function sandboxOf(now: State, { ref, steps: all }: Life, pod: Pod): Sandbox {
  const network = fact<NetworkFact>(now, `network/${pod.spec.nodeName}`);
  const port = network?.ports?.find((p) => p.pod === ref.name && p.namespace === ref.namespace);
  const steps = all.filter(({ step }) => step.component === "runtime");
  const since = steps.findLastIndex(({ step }) => step.verb === "create netns");
  const lately = since < 0 ? steps : steps.slice(since);
  const attached = /^(\S+): \S+ in the pod, (\S+) on/.exec(lately.find(({ step }) => step.verb === "attach veth")?.step.detail ?? "");
  const down = lately.some(({ step }) => step.verb === "stop shim");
  const made = lately.length > 0 || port !== undefined || pod.status?.podIP !== undefined;
  return { state: down ? "gone" : made ? "made" : "none", ip: down ? undefined : (attached?.[1] ?? port?.ip ?? pod.status?.podIP), veth: down ? undefined : (attached?.[2] ?? port?.veth), gateway: network?.gateway };
}

function volumesOf(pod: Pod, containers: readonly Part[]): PodParts["volumes"] {
  return (pod.spec.volumes ?? []).map((volume) => ({
    name: volume.name,
    kind: Object.keys(volume).find((key) => key !== "name") ?? "",
    holders: containers.filter(({ mounts }) => mounts.some((mount) => mount.volume === volume.name)).map(({ name }) => name),
  }));
}

/** The containers that reach each other at localhost: those that run in one network namespace. */
export function neighbours(parts: PodParts): [string, string][] {
  return parts.shared.filter(({ kind }) => kind === "net").flatMap(({ holders }) => holders.slice(1).map((name, i): [string, string] => [holders[i] as string, name]));
}
