// What a plan says, in words; and what it was made from. Pure.

import type { Numbered } from "./numbers";
import type { LoopName } from "./turns";

export interface Item {
  does: string;
  what: string;
  why: string;
}

interface SetPlan {
  adopt?: string[];
  release?: string[];
  create?: number;
  delete?: { pod: string; why?: string }[];
}

interface RolloutPlan {
  adopt?: string[];
  create?: boolean;
  current?: string;
  changes?: { set: string; from: number; to: number }[];
  delete?: string[];
}

interface NodePlan {
  node?: string;
  verdicts?: { node: string; why?: string[]; total?: number }[];
}

/** The lines of a plan; none: there is nothing to do but to write down how it stands. */
export function itemsOf(loop: LoopName, plan: unknown): Item[] {
  if (typeof plan !== "object" || plan === null) return [];
  if (loop === "scheduler") return nodeItems(plan as NodePlan);
  return loop === "deployments" ? rolloutItems(plan as RolloutPlan) : setItems(plan as SetPlan);
}

function setItems({ adopt = [], release = [], create = 0, delete: goes = [] }: SetPlan): Item[] {
  return [
    ...adopt.map((what) => ({ does: "adopt", what, why: "it matches the selector and has no owner" })),
    ...release.map((what) => ({ does: "release", what, why: "it no longer matches the selector" })),
    ...(create > 0 ? [{ does: "create", what: create === 1 ? "1 pod" : `${create} pods`, why: create === 1 ? "it is missing" : "they are missing" }] : []),
    ...goes.map(({ pod, why }) => ({ does: "delete", what: pod, why: why ? `it ${why}` : "none of them is to stay" })),
  ];
}

function rolloutItems({ adopt = [], create = false, current = "", changes = [], delete: goes = [] }: RolloutPlan): Item[] {
  return [
    ...adopt.map((what) => ({ does: "adopt", what, why: "it matches the selector and has no owner" })),
    ...(create ? [{ does: "create", what: current, why: "no ReplicaSet has this template" }] : []),
    ...changes.filter(({ from, to }) => from !== to).map(({ set, from, to }) => ({ does: "scale", what: set, why: `from ${from} to ${to}: the ${set === current ? "current" : "old"} version` })),
    ...goes.map((what) => ({ does: "delete", what, why: "the history is long enough" })),
  ];
}

function nodeItems({ node = "", verdicts = [] }: NodePlan): Item[] {
  return verdicts.map(({ node: name, why = [], total = 0 }) => {
    if (why.length > 0) return { does: "no", what: name, why: why.join("; ") };
    return { does: name === node ? "bind" : "fits", what: name, why: `${total} points` };
  });
}

/** Wanted and current as one sentence: what is missing, or too much. An object that waits at a gate is one that its loop has not looked at. */
export function difference({ wanted, current }: Numbered, waits?: { name: string; gate: string }): string {
  const says = waits && `${waits.name} waits at the gate of ${waits.gate}`;
  if (wanted === current) return says ?? "as wanted: nothing to do";
  return [missing(wanted, current), ...(says ? [says] : [])].join("; ");
}

function missing(wanted: number, current: number): string {
  return wanted > current ? `${wanted} − ${current} = ${wanted - current} missing` : `${current} − ${wanted} = ${current - wanted} too many`;
}
