// What one container is to the machine, and what the machine is to it. Pure.

import type { History, State } from "../../lib/model";
import { factsAbout, get } from "../../lib/select";
import type { ContainerFact, Pod, Ref } from "../../lib/types";

export interface Contained {
  /** NAMESPACE/POD/NAME, as its fact says it. */
  key: string;
  name: string;
  pod: Ref;
  data: ContainerFact;
  /** False: it was made without the API, and nobody there knows of it. */
  wanted: boolean;
}

/** The containers that run, those that no pod of the API has first: they are what chapter 01 is about. */
export function containersOf(now: State): Contained[] {
  return factsAbout<ContainerFact>(now, "container")
    .map(([[namespace = "", pod = "", name = ""], data]) => {
      const ref: Ref = { resource: "pods", namespace, name: pod };
      return { key: `${namespace}/${pod}/${name}`, name, pod: ref, data, wanted: get(now, ref) !== undefined };
    })
    .sort((a, b) => Number(a.wanted) - Number(b.wanted));
}

/** What was last told of a container that has ended. */
export function lastOf(history: History, key: string, seq: number): ContainerFact | undefined {
  const frames = history.between(history.first, seq);
  for (let i = frames.length - 1; i >= 0; i--) {
    const fact = frames[i]?.fact;
    if (fact?.about === `container/${key}` && fact.data != null) return fact.data as ContainerFact;
  }
  return history.base.facts.get(`container/${key}`)?.data as ContainerFact | undefined;
}

export interface Side {
  kind: string;
  name: string;
  question: string;
  machine: number | undefined;
  container: number;
  /** Its own: the question has another answer inside. */
  verdict: "own" | "node" | "machine";
}

const kinds: readonly [string, string, string][] = [
  ["mnt", "mount", "which files are there?"],
  ["pid", "PID", "which processes are there, and what are their numbers?"],
  ["net", "network", "which network cards, addresses and ports are there?"],
  ["uts", "UTS", "what is this machine called?"],
  ["ipc", "IPC", "which shared memory and message queues are there?"],
  ["cgroup", "cgroup", "where am I in the tree of control groups?"],
  ["user", "user", "who is root?"],
];

/** One row for each kind of namespace. A number that is the machine's is shared with it; so is one that is the node's, with the node. */
export function sidesOf(data: ContainerFact): Side[] {
  return kinds.flatMap(([kind, name, question]) => {
    const known = data.namespaces?.[kind];
    if (!known) return [];
    const verdict = known.machine === known.inode ? "machine" : known.host ? "node" : "own";
    return [{ kind, name, question, machine: known.machine, container: known.inode, verdict } satisfies Side];
  });
}

export interface Limit {
  file: string;
  value: string;
  says: string;
  /** It holds something back. */
  binds: boolean;
}

/** The limits in a cgroup's files, in words; those of both versions of cgroups. */
export function limitsOf(files: Record<string, string> = {}): Limit[] {
  return Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, value]) => ({ file, value, ...inWords(file, value, files) }));
}

const none = { says: "no limit", binds: false };

function inWords(file: string, value: string, files: Record<string, string>): Pick<Limit, "says" | "binds"> {
  const n = Number(value);
  switch (file) {
    case "memory.max":
    case "memory.limit_in_bytes":
      // cgroup v1 writes "none" as the largest number of whole pages.
      return value === "max" || n > 2 ** 60 ? none : { says: `${bytes(n)} of memory, and no byte more`, binds: true };
    case "memory.low":
      return { says: n > 0 ? `${bytes(n)} are its to keep` : "nothing is kept for it", binds: false };
    case "cpu.max": {
      const [quota, period] = value.split(" ");
      return quota === "max" ? none : share(Number(quota), Number(period));
    }
    case "cpu.cfs_quota_us":
      return n < 0 ? none : share(n, Number(files["cpu.cfs_period_us"] ?? 100_000));
    case "cpu.cfs_period_us":
      return { says: "the period of the quota", binds: false };
    case "cpu.weight":
    case "cpu.shares":
      return { says: "its weight when there is too little for all", binds: false };
    case "pids.max":
      return value === "max" ? none : { says: `${value} processes at most`, binds: true };
    default:
      return { says: "", binds: false };
  }
}

function share(quota: number, period: number): Pick<Limit, "says" | "binds"> {
  return { says: `${Number((quota / period).toFixed(2))} of a CPU: ${quota} of each ${period} µs`, binds: true };
}

function bytes(n: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${Number(n.toFixed(1))} ${units[unit]}`;
}

/** What it is called inside: the host name of its sandbox, which is the pod's name unless the pod says otherwise. */
export function hostName(pod: Pod | undefined, contained: Pick<Contained, "pod">): string {
  const wanted = (pod?.spec as { hostname?: string } | undefined)?.hostname;
  return wanted ?? contained.pod.name;
}
