// What tells how one pod came to be: its steps, what led to them, and how packets came to find it. Pure.

import type { History, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { Ref, Step } from "../../lib/types";

/** One life of a pod: a name can be given again after its pod is gone. */
export interface Life {
  pod: Ref;
  /** The step that created it; undefined where that was before what is known. */
  id: string | undefined;
  time: number;
  /** Its steps, in the order of time. */
  steps: readonly StepAt[];
  ended: boolean;
}

/** Every life that a name has had up to a moment, the newest first. */
export function livesOf(history: History, pod: Ref, seq: number): Life[] {
  const lives: StepAt[][] = [];
  for (const at of [...history.stepsOf(pod, seq)].sort(byTime)) {
    if (isBirth(at.step) || lives.length === 0) lives.push([]);
    lives.at(-1)?.push(at);
  }
  return lives.reverse().map((steps) => {
    const first = steps[0] as StepAt;
    return { pod, id: isBirth(first.step) ? first.step.id : undefined, time: first.time, steps, ended: steps.some(({ step }) => isEnd(step)) };
  });
}

const isBirth = (step: Step) => step.verb === "create" && step.object.resource === "pods" && step.revision !== undefined;

/** The last word of the API: the node says that nothing is left. A person's delete only asks for it. */
export const isEnd = (step: Step) => step.verb === "delete" && (step.component === "kubelet" || /nothing is left|no node/.test(step.detail ?? ""));

/**
 * The chain of a life, oldest first: its steps, what caused each of them back to the roots, and what they did to endpoint
 * slices and to the rules made from those. A later change to the same slice, for the sake of other pods, is their story.
 */
export function chainOf(history: History, life: Life, seq: number): StepAt[] {
  const chosen = new Map<string, StepAt>();
  const up = (at: StepAt) => {
    if (chosen.has(at.step.id) || at.seq > seq) return;
    chosen.set(at.step.id, at);
    for (const cause of at.step.causes ?? []) {
      const known = history.step(cause);
      if (known && belongs(known.step, life)) up(known);
    }
  };
  for (const at of life.steps) up(at);
  const traffic = (at: StepAt, resource: string) => history.effectsOf(at.step.id, seq).filter(({ step }) => step.object.resource === resource && !chosen.has(step.id));
  for (const at of life.steps) {
    for (const slice of traffic(at, "endpointslices")) {
      chosen.set(slice.step.id, slice);
      for (const rules of traffic(slice, "services")) chosen.set(rules.step.id, rules);
    }
  }
  return [...chosen.values()].sort(byTime);
}

/** A former life of the same name may have set off this one, but how it went is another story. */
function belongs(step: Step, life: Life): boolean {
  return keyOf(step.object) !== keyOf(life.pod) || life.steps.some((own) => own.step.id === step.id) || step.root !== undefined;
}

/** The cause for which a step waited: the last of those that are in the chain. */
export function mainCause(step: Step, chain: ReadonlyMap<string, StepAt>): StepAt | undefined {
  let last: StepAt | undefined;
  for (const id of step.causes ?? []) {
    const cause = chain.get(id);
    if (cause && (!last || cause.time >= last.time)) last = cause;
  }
  return last;
}

const byTime = (a: StepAt, b: StepAt) => a.time - b.time || a.seq - b.seq;
