// What tells how one pod came to be: its steps, what led to them, and how packets came to find it. Pure.

import type { History, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { Step } from "../../lib/types";
import type { Life } from "../stage/lives";

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
  return keyOf(step.object) !== keyOf(life.ref) || life.steps.some((own) => own.step.id === step.id) || step.root !== undefined;
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
