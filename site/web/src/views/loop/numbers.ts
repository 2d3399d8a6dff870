// How many are wanted, and how many there are. Pure.

import type { State } from "../../lib/model";
import { refOf } from "../../lib/ref";
import { get, owned, podHealth } from "../../lib/select";
import type { Deployment, Pod, Ref, ReplicaSet } from "../../lib/types";
import type { LoopName } from "./turns";

export interface Numbered {
  wanted: number;
  current: number;
}

/** The pods of a ReplicaSet as its loop counts them: one that has ended or is being ended is no longer one of them. */
export function countedPods(now: State, set: Ref): { active: Pod[]; ending: Pod[] } {
  const pods = owned(now, set).filter(({ kind, spec }) => kind === "Pod" || (spec as Pod["spec"] | undefined)?.containers !== undefined) as Pod[];
  const over = (pod: Pod) => ["leaving", "succeeded", "failed"].includes(podHealth(pod));
  return { active: pods.filter((pod) => !over(pod)), ending: pods.filter(over) };
}

/** Undefined: the object is not there. */
export function numbersOf(now: State, loop: LoopName, object: Ref): Numbered | undefined {
  const body = get(now, object);
  if (!body) return undefined;
  if (loop === "scheduler") return { wanted: 1, current: (body as Pod).spec.nodeName ? 1 : 0 };
  const wanted = (body as ReplicaSet | Deployment).spec.replicas ?? 1;
  if (loop === "replicasets") return { wanted, current: countedPods(now, object).active.length };
  const sets = owned(now, object);
  return { wanted, current: sets.reduce((sum, set) => sum + countedPods(now, refOf("replicasets", set)).active.length, 0) };
}
