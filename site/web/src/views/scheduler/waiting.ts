import type { State } from "../../lib/model";
import { condition, get } from "../../lib/select";
import type { KubeObject, Pod } from "../../lib/types";

/** What is said of a pod that has no node: the scheduler's sentence, or that it has said none. */
export function standing(pod: Pod): string {
  return condition(pod, "PodScheduled")?.message ?? "Nobody has decided about it yet.";
}

/** Whether step mode holds the scheduler. */
export function isHeld(state: State): boolean {
  const mode = get(state, { resource: "configmaps", namespace: "kube-system", name: "step-mode" }) as (KubeObject & { data?: Record<string, string> }) | undefined;
  return mode?.data?.scheduler !== undefined;
}
